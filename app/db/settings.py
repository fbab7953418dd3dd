"""Where the database is: plain data, no client library."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.closest import hint
from app.environment import Environment, Variable, shown
from app.errors import SettingsError

VARIABLES = (
    Variable(
        "WATCHDESK_DATABASE_URL",
        "",
        "The database: `sqlite:///path/to/file.db` or `postgresql://user@host/name`. Empty: `watchdesk.db` in the home.",
        secret=True,
    ),
    Variable("WATCHDESK_RETENTION_DAYS", "0", "Days for which posts are kept in the database; 0 keeps them for ever."),
    Variable(
        "WATCHDESK_ALERT_RETENTION_DAYS",
        "0",
        "Days for which alerts and their deliveries are kept in the database; 0 keeps them for ever.",
    ),
)

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

# SQLite's write-ahead log needs shared memory and locks that these file systems do not give.
NETWORK_FILESYSTEMS = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb2",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
    ]
)


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """`url` names its async driver (`sqlite+aiosqlite`, `postgresql+asyncpg`); `file` is the path of a SQLite database."""

    url: str = field(repr=False)
    embedded: bool
    file: Path | None
    retention_days: int
    alert_retention_days: int


def read_database_settings(env: Environment, home: Path) -> DatabaseSettings:
    given = env.secret("WATCHDESK_DATABASE_URL")
    url = driven(given) if given else f"{DRIVERS['sqlite']}:///{home / 'watchdesk.db'}"
    embedded = url.startswith("sqlite")
    return DatabaseSettings(
        url=url,
        embedded=embedded,
        file=_file_of(url) if embedded else None,
        retention_days=env.whole("WATCHDESK_RETENTION_DAYS", 0, 36_500),
        alert_retention_days=env.whole("WATCHDESK_ALERT_RETENTION_DAYS", 0, 36_500),
    )


def driven(url: str) -> str:
    """Return `url` with the async driver in its scheme; refuse a scheme that no adapter serves."""
    scheme, colon, rest = url.partition("://")
    base = scheme.partition("+")[0]
    if not colon or base not in DRIVERS:
        given = shown(scheme) if colon else "what stands there"  # never the whole: a URL may hold a password
        raise SettingsError(f"WATCHDESK_DATABASE_URL: {given} is not sqlite or postgresql{hint(base, DRIVERS)}")
    if base != "sqlite" and not _host_of(url):
        raise SettingsError("WATCHDESK_DATABASE_URL names no host: postgresql://user@host/name")
    if base == "sqlite" and rest.lstrip("/") in {"", ":memory:"}:
        raise SettingsError("WATCHDESK_DATABASE_URL names no file: sqlite:///path/to/file.db")
    return f"{DRIVERS[base]}://{rest}"


def filesystem_of(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds `path`, read from the text of /proc/mounts; empty where it does not say."""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def refuse_network_filesystem(what: str, path: Path, mounts: str) -> None:
    """Raise where SQLite would keep `path` on a file system of another machine."""
    kind = filesystem_of(path.absolute(), mounts)
    if kind in NETWORK_FILESYSTEMS:
        raise SettingsError(
            f"{what}: {path} is on {kind}, where SQLite's write-ahead log is unsafe; use a local disk or PostgreSQL"
        )


def _file_of(url: str) -> Path:
    return Path(url.partition(":///")[2].partition("?")[0])


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
