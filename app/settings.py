"""All settings: the sections declared beside the code they configure, composed and read from the environment and watchdesk.toml.

Importing this module loads no database, web or Kafka library, so a broken setting is refused before anything heavy is loaded.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from app.closest import hint
from app.crash import POINTS
from app.db.settings import VARIABLES as DATABASE_VARIABLES
from app.db.settings import DatabaseSettings, read_database_settings, refuse_network_filesystem
from app.domain.config import Config
from app.domain.config_file import MAX_CONFIG_BYTES, parse_config
from app.environment import Environment, Variable, read_secret, shown
from app.errors import SettingsError
from app.streams.settings import VARIABLES as STREAM_VARIABLES
from app.streams.settings import StreamSettings, read_stream_settings

PREFIX = "WATCHDESK_"
_SERVICE_LINK = re.compile(r"tcp://[0-9a-f.:\[\]]+:\d+")
MOUNTS = Path("/proc/mounts")

OWN_VARIABLES = (
    Variable("WATCHDESK_HOME", "./var", "The folder for all local state."),
    Variable(
        "WATCHDESK_CONFIG",
        "./watchdesk.toml",
        "The file of sources, watches and destinations; without it there are none.",
    ),
    Variable("WATCHDESK_HOST", "127.0.0.1", "The address that the API listens on."),
    Variable("WATCHDESK_PORT", "8000", "The port of the API; 0 takes a free one."),
    Variable("WATCHDESK_OPS_HOST", "127.0.0.1", "The address of `/metrics`, `/healthz` and `/readyz` of each role."),
    Variable("WATCHDESK_OPS_PORT", "0", "Their port; 0 takes a free one and prints it."),
    Variable(
        "WATCHDESK_SECRET_KEY", "", "Encrypts the secrets that we make ourselves: 32 characters or more.", secret=True
    ),
    Variable("WATCHDESK_BOOTSTRAP_KEY", "", "An API key with every scope, to make the first keys with.", secret=True),
    Variable("WATCHDESK_CORS_ORIGINS", "", "Web origins, with commas, whose pages may read the API."),
    Variable(
        "WATCHDESK_GAZETTEER", "", "The file of the place index. Empty: `cache/` in the home, built at first use."
    ),
    Variable("WATCHDESK_LOG_LEVEL", "info", "`debug`, `info`, `warning` or `error`."),
    Variable("WATCHDESK_LOG_FORMAT", "auto", "`json`, `text`, or `auto`: text on a terminal."),
    Variable("WATCHDESK_WATCHDOG_PERIOD", "60", "Seconds between two exercise posts through every stage; 0: none."),
    Variable("WATCHDESK_DEADMAN_URL", "", "A URL to call after each exercise post that came through.", secret=True),
    Variable(
        "WATCHDESK_BALLAST_MB", "64", "Megabytes in the home that are given up when the disk is nearly full; 0: none."
    ),
    Variable("WATCHDESK_DEMO", "no", "Marks every screen, page and answer DEMO; `make demo` sets it."),
    Variable("WATCHDESK_CRASH_AT", "", "For tests: kill the process at a named point, `point:nth,...`."),
)
VARIABLES: tuple[Variable, ...] = (*OWN_VARIABLES, *DATABASE_VARIABLES, *STREAM_VARIABLES)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a role is told. Times are seconds unless named otherwise; `notices` are lines worth one log line each.

    `cited` holds the values of the variables that the config cites as `*_env`; read one through `secret_of`.
    """

    home: Path
    config_path: Path
    config: Config
    database: DatabaseSettings
    stream: StreamSettings
    host: str
    port: int
    ops_host: str
    ops_port: int
    secret_key: str | None = field(repr=False)
    bootstrap_key: str | None = field(repr=False)
    cors_origins: tuple[str, ...]
    gazetteer: Path | None
    log_level: str
    log_format: str
    watchdog_period: float
    deadman_url: str | None = field(repr=False)
    ballast_mb: int
    demo: bool
    crash_at: str
    cited: Mapping[str, str] = field(repr=False)
    notices: tuple[str, ...] = ()
    tracing: bool = False

    @property
    def database_url(self) -> str:
        return self.database.url

    @property
    def stream_url(self) -> str:
        return self.stream.url

    @property
    def retention_days(self) -> int:
        return self.database.retention_days

    @property
    def alert_retention_days(self) -> int:
        return self.database.alert_retention_days

    def secret_of(self, variable: str) -> str | None:
        """Return the value of a variable that the config cites, None where it is not set."""
        return self.cited.get(variable)

    def secrets(self) -> tuple[str, ...]:
        """Return every secret that we were told, so that logs can be scrubbed of them."""
        kafka = self.stream.kafka
        own = (self.secret_key, self.bootstrap_key, self.deadman_url, kafka.password if kafka else None)
        return tuple(value for value in (*own, *self.cited.values()) if value)


def load_settings(environ: Mapping[str, str], *, mounts: str | None = None) -> Settings:
    """Return the settings in `environ` and in the file that it names; raise `SettingsError`, one line, where one is wrong.

    `mounts` is the text of /proc/mounts (read here where it is not given): an embedded database on a network disk is refused.
    """
    env = Environment(environ, VARIABLES)
    home = _folder(env.text("WATCHDESK_HOME"))
    config_path = Path(env.text("WATCHDESK_CONFIG"))
    config = _load_config(config_path, required=bool(environ.get("WATCHDESK_CONFIG", "").strip()))
    _refuse_unknown(environ, config)
    _refuse_timezone(config.desk.timezone, config_path)
    settings = Settings(
        home=home,
        config_path=config_path,
        config=config,
        database=read_database_settings(env, home),
        stream=read_stream_settings(env, home),
        host=env.text("WATCHDESK_HOST"),
        port=env.whole("WATCHDESK_PORT", 0, 65_535),
        ops_host=env.text("WATCHDESK_OPS_HOST"),
        ops_port=env.whole("WATCHDESK_OPS_PORT", 0, 65_535),
        secret_key=_long_enough("WATCHDESK_SECRET_KEY", env.secret("WATCHDESK_SECRET_KEY"), 32),
        bootstrap_key=_long_enough("WATCHDESK_BOOTSTRAP_KEY", env.secret("WATCHDESK_BOOTSTRAP_KEY"), 24),
        cors_origins=_origins(env.listed("WATCHDESK_CORS_ORIGINS")),
        gazetteer=Path(named) if (named := env.text("WATCHDESK_GAZETTEER")) else None,
        log_level=env.choice("WATCHDESK_LOG_LEVEL", ("debug", "info", "warning", "error")),
        log_format=env.choice("WATCHDESK_LOG_FORMAT", ("auto", "json", "text")),
        watchdog_period=env.seconds("WATCHDESK_WATCHDOG_PERIOD", 0, 86_400),
        deadman_url=env.secret("WATCHDESK_DEADMAN_URL"),
        ballast_mb=env.whole("WATCHDESK_BALLAST_MB", 0, 65_536),
        demo=env.flag("WATCHDESK_DEMO"),
        crash_at=_crash_points(env.text("WATCHDESK_CRASH_AT")),
        cited=_cited(environ, config),
        notices=_notices(environ, config_path, home),
        tracing=bool(environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")) and environ.get("OTEL_SDK_DISABLED") != "true",
    )
    _refuse_network_disks(settings, _read_mounts() if mounts is None else mounts)
    return settings


def prepare_home(home: Path) -> None:
    """Make the home and prove that it can be written; raise `SettingsError` with its path otherwise."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / ".writable"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)  # another role that starts in the same home may have been quicker
    except OSError as error:
        raise SettingsError(f"WATCHDESK_HOME: cannot write in {home}: {error.strerror}") from error


def port_problem(host: str, port: int) -> str | None:
    """Return why nothing can listen on `host:port` now, None where it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return f"cannot listen on {host} port {port}: {error.strerror}"
    return None


def refuse_missing_places(settings: Settings) -> None:
    """Raise where WATCHDESK_GAZETTEER names a file that is not there: only the home's own is built at first use."""
    file = settings.gazetteer
    if file is not None and not file.is_file():
        raise SettingsError(
            f"WATCHDESK_GAZETTEER: there is no file {file}: run `watchdesk gazetteer build --out {file}`, or unset it"
        )


def _folder(value: str) -> Path:
    home = Path(value)
    if home.exists() and not home.is_dir():
        raise SettingsError(f"WATCHDESK_HOME: {home} is not a folder")
    return home


def _load_config(path: Path, *, required: bool) -> Config:
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        if required:
            raise SettingsError(f"WATCHDESK_CONFIG: there is no file {path}") from None
        return Config()
    except OSError as error:
        raise SettingsError(f"WATCHDESK_CONFIG: cannot read {path}: {error.strerror}") from error
    return parse_config(content, path.name)


def _refuse_unknown(environ: Mapping[str, str], config: Config) -> None:
    known = {variable.name for variable in VARIABLES}
    known |= {f"{variable.name}_FILE" for variable in VARIABLES if variable.secret}
    known |= {form for name in config.cited() for form in (name, f"{name}_FILE")}
    for name in sorted(environ):
        if name.startswith(PREFIX) and _SERVICE_LINK.fullmatch(environ[name]):
            raise SettingsError(
                f"{name}={environ[name]} was set by Kubernetes for a Service of that name: set enableServiceLinks: false in the pod"
            )
        if name.startswith(PREFIX) and name not in known:
            raise SettingsError(f"unknown setting {name}{hint(name, known)}")


def _refuse_timezone(name: str, config_path: Path) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not found, a folder of zones, no name of a zone at all
        raise SettingsError(
            f"{config_path.name}: [desk] timezone {shown(name)} is not one that this system knows"
        ) from None


def _cited(environ: Mapping[str, str], config: Config) -> dict[str, str]:
    values = {name: read_secret(environ, name) for name in config.cited()}
    return {name: value for name, value in values.items() if value}


def _long_enough(name: str, value: str | None, least: int) -> str | None:
    if value is not None and len(value) < least:
        raise SettingsError(f"{name} has {len(value)} characters; it needs {least} or more")
    return value


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        scheme, colon, host = origin.partition("://")
        if not colon or scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
            raise SettingsError(
                f"WATCHDESK_CORS_ORIGINS: {shown(origin)} is not an origin like https://desk.example.org"
            )
    return origins


def _crash_points(spec: str) -> str:
    for part in filter(None, spec.split(",")):
        name, colon, nth = part.partition(":")
        if name not in POINTS or (colon and not (nth.isdecimal() and int(nth) > 0)):
            raise SettingsError(f"WATCHDESK_CRASH_AT: {shown(part)} is not point:nth{hint(name, POINTS)}")
    return spec


def _notices(environ: Mapping[str, str], config_path: Path, home: Path) -> tuple[str, ...]:
    notices = []
    if not (environ.get("WATCHDESK_DATABASE_URL") or environ.get("WATCHDESK_DATABASE_URL_FILE")):
        notices.append(f"WATCHDESK_DATABASE_URL is not set: using SQLite at {home / 'watchdesk.db'}")
    if not config_path.exists():
        notices.append(f"there is no {config_path}: one watch, {'all'!r}, for everything; no destinations")
    return tuple(notices)


def _refuse_network_disks(settings: Settings, mounts: str) -> None:
    if settings.stream.kafka is None:
        refuse_network_filesystem("WATCHDESK_HOME", settings.home, mounts)
    if settings.database.file is not None:
        refuse_network_filesystem("WATCHDESK_DATABASE_URL", settings.database.file, mounts)


def _read_mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
