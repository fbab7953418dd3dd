"""Where the log is and how to reach it: plain data, no client library."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.environment import Environment, Variable, shown
from app.errors import SettingsError

VARIABLES = (
    Variable(
        "WATCHDESK_STREAM_URL",
        "",
        "The log: `kafka://host:port,host:port`. Empty: the embedded log, `log.db` in the home.",
    ),
    Variable("WATCHDESK_STREAM_RETENTION_DAYS", "7", "Days for which records stand in topics and spools."),
    Variable(
        "WATCHDESK_BACKUP_HOURS", "24", "How far apart your backups are: the log must reach back further than this."
    ),
    Variable("WATCHDESK_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."),
    Variable(
        "WATCHDESK_KAFKA_SASL_MECHANISM",
        "SCRAM-SHA-512",
        "`PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; counts with SASL.",
    ),
    Variable("WATCHDESK_KAFKA_USERNAME", "", "The user for SASL."),
    Variable("WATCHDESK_KAFKA_PASSWORD", "", "The password for SASL.", secret=True),
    Variable("WATCHDESK_KAFKA_CA_FILE", "", "A file of certificates to trust for SSL. Empty: those of the system."),
    Variable("WATCHDESK_KAFKA_COMPRESSION", "none", "`none` or `zstd`, which pays off across a network."),
    Variable(
        "WATCHDESK_KAFKA_SESSION_TIMEOUT", "10", "Seconds after which the broker gives a silent member's work away."
    ),
    Variable("WATCHDESK_KAFKA_HEARTBEAT", "3", "Seconds between heartbeats: at most a third of the session timeout."),
    Variable("WATCHDESK_KAFKA_REQUEST_TIMEOUT", "20", "Seconds for one request: longer than the session timeout."),
    Variable("WATCHDESK_KAFKA_REPLICATION", "1", "Copies of each topic that we create on the broker."),
    Variable(
        "WATCHDESK_KAFKA_PARTITIONS", "6", "Partitions of the topic of posts: at most so many `tag` members have work."
    ),
)

BACKUPS_COVERED = 3  # a restored database goes on in the log, which must reach back over this many backups
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to speak to a broker. `bootstrap` holds `host:port`s; all times are seconds."""

    bootstrap: tuple[str, ...]
    security_protocol: str
    sasl_mechanism: str
    username: str
    password: str | None = field(repr=False)
    ca_file: Path | None
    compression: str
    session_timeout: float
    heartbeat: float
    request_timeout: float
    replication: int
    partitions: int


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """`kafka` is None where the log is the embedded one; then `file` is where it stands."""

    url: str
    file: Path
    kafka: KafkaSettings | None
    retention_days: int
    backup_hours: int


def read_stream_settings(env: Environment, home: Path) -> StreamSettings:
    url = env.text("WATCHDESK_STREAM_URL")
    kafka = _read_kafka(env, url)
    return StreamSettings(
        url=url,
        file=home / "log.db",
        kafka=kafka if url else None,
        retention_days=env.whole("WATCHDESK_STREAM_RETENTION_DAYS", 1, 3_650),
        backup_hours=env.whole("WATCHDESK_BACKUP_HOURS", 1, 24 * 365),
    )


def _read_kafka(env: Environment, url: str) -> KafkaSettings:
    protocol = env.choice("WATCHDESK_KAFKA_SECURITY_PROTOCOL", PROTOCOLS)
    ca_file = env.text("WATCHDESK_KAFKA_CA_FILE")
    settings = KafkaSettings(
        bootstrap=_bootstrap(url) if url else (),
        security_protocol=protocol,
        sasl_mechanism=env.choice("WATCHDESK_KAFKA_SASL_MECHANISM", MECHANISMS),
        username=env.text("WATCHDESK_KAFKA_USERNAME"),
        password=env.secret("WATCHDESK_KAFKA_PASSWORD"),
        ca_file=Path(ca_file) if ca_file else None,
        compression=env.choice("WATCHDESK_KAFKA_COMPRESSION", ("none", "zstd")),
        session_timeout=env.seconds("WATCHDESK_KAFKA_SESSION_TIMEOUT", 1, 300),
        heartbeat=env.seconds("WATCHDESK_KAFKA_HEARTBEAT", 0.1, 100),
        request_timeout=env.seconds("WATCHDESK_KAFKA_REQUEST_TIMEOUT", 1, 600),
        replication=env.whole("WATCHDESK_KAFKA_REPLICATION", 1, 10),
        partitions=env.whole("WATCHDESK_KAFKA_PARTITIONS", 1, 1_000),
    )
    _refuse_inconsistent(settings)
    return settings


def _refuse_inconsistent(kafka: KafkaSettings) -> None:
    if kafka.request_timeout <= kafka.session_timeout:
        raise SettingsError(
            f"WATCHDESK_KAFKA_REQUEST_TIMEOUT={kafka.request_timeout:g} must be longer than "
            f"WATCHDESK_KAFKA_SESSION_TIMEOUT={kafka.session_timeout:g}"
        )
    if kafka.session_timeout < 3 * kafka.heartbeat:
        raise SettingsError(
            f"WATCHDESK_KAFKA_SESSION_TIMEOUT={kafka.session_timeout:g} must be at least three times "
            f"WATCHDESK_KAFKA_HEARTBEAT={kafka.heartbeat:g}"
        )
    if kafka.security_protocol.startswith("SASL") and not (kafka.username and kafka.password):
        raise SettingsError(
            f"WATCHDESK_KAFKA_SECURITY_PROTOCOL={kafka.security_protocol} needs "
            "WATCHDESK_KAFKA_USERNAME and WATCHDESK_KAFKA_PASSWORD (or _PASSWORD_FILE)"
        )
    if kafka.ca_file is not None and not kafka.ca_file.is_file():
        raise SettingsError(f"WATCHDESK_KAFKA_CA_FILE: there is no file {kafka.ca_file}")


def _bootstrap(url: str) -> tuple[str, ...]:
    scheme, colon, rest = url.partition("://")
    if not colon or scheme != "kafka":
        given = shown(scheme) if colon else "what stands there"  # never the whole: a URL may hold a password
        raise SettingsError(f"WATCHDESK_STREAM_URL: {given} is not kafka://host:port,... (empty: the embedded log)")
    if "@" in rest:
        raise SettingsError(
            "WATCHDESK_STREAM_URL holds a user; use WATCHDESK_KAFKA_USERNAME and WATCHDESK_KAFKA_PASSWORD_FILE"
        )
    return tuple(_broker(part.strip()) for part in rest.rstrip("/").split(","))


def _broker(part: str) -> str:
    host, colon, port = part.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) < 65_536):
        raise SettingsError(f"WATCHDESK_STREAM_URL: {shown(part)} is not host:port")
    return part
