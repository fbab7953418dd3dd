"""The door to the database: short reads on a snapshot, and writes under the one writer lock.

SQLite (WAL) and PostgreSQL mean the same here. A read session cannot write. A write session holds the writer lock from its first
statement to its commit (BEGIN IMMEDIATE; an advisory lock), so numbers drawn in it become visible in the order in which they were drawn.
A database that cannot answer raises `Unavailable("database", ...)`; a damaged one raises `DamagedError`. No network I/O belongs inside
either session: a transaction that idles for 5 s is ended by PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import event, insert, select, update
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.clock import Clock, SystemClock
from app.db.commit_news import CommitNews
from app.db.models import Meta
from app.errors import DamagedError, SettingsError, Unavailable, WatchdeskError

Role = Literal["api", "desk", "sender", "run", "cli"]

WRITER_LOCK = 0x57_44_45_53_4B  # the advisory lock that every writer takes first: "WDESK"
CLOSE_S = 1.0  # for saying goodbye to the server
TIMEOUT_MS = 5_000  # statement, lock and idle-in-transaction timeouts, and SQLite's busy timeout


class Pools(NamedTuple):
    """How many connections a role keeps, apart for reading and writing so that neither can starve the other."""

    read: int
    write: int


POOLS: Mapping[Role, Pools] = {
    "api": Pools(8, 2),
    "desk": Pools(2, 2),
    "sender": Pools(4, 2),
    "run": Pools(8, 4),
    "cli": Pools(1, 1),
}


class WriteSession:
    """A session that holds the writer lock. `session` is for statements; the commit is the caller's block ending without an error."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._number: int | None = None
        self._stored: int | None = None

    async def change_no(self) -> int:
        """Draw the next number of the installation: higher than every number of every transaction before this one."""
        if self._number is None:
            row = await self.session.scalar(select(Meta.value).where(Meta.key == "change_no"))
            self._number = int(row or 0)
            self._stored = None if row is None else self._number
        self._number += 1
        return self._number

    async def _keep_number(self) -> None:
        if self._number is None or self._number == self._stored:
            return
        value = str(self._number)
        if self._stored is None:
            await self.session.execute(insert(Meta).values(key="change_no", value=value))
        else:
            await self.session.execute(update(Meta).where(Meta.key == "change_no").values(value=value))


class Database:
    """One database, opened by `open_database`. `url` is the one it was opened with, its password hidden."""

    def __init__(self, url: URL, readers: AsyncEngine, writers: AsyncEngine, news: CommitNews | None = None) -> None:
        self.url = url.render_as_string(hide_password=True)
        self.dialect: str = url.get_backend_name()
        self._readers = readers
        self._writers = writers
        self._news = news
        self._commits = asyncio.Event() if news is None else news.heard
        self._file = url.database if self.dialect == "sqlite" else None
        self._version: sqlite3.Connection | None = None
        self.commits = 0  # made through this object: what was read before the newest of them may be old

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a snapshot for reading. Writing in it fails."""
        with _translated(reading=True):
            async with AsyncSession(self._readers, expire_on_commit=False) as session:
                await session.connection()
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """Take the writer lock, commit when the block ends, roll back when it raises. A failed commit may still have happened."""
        with _translated(reading=False):
            async with AsyncSession(self._writers, expire_on_commit=False) as session:
                await session.connection()
                if self._news is not None:
                    await self._news.lock_and_tell(session, WRITER_LOCK)
                writing = WriteSession(session)
                yield writing
                await session.flush()
                await writing._keep_number()  # noqa: SLF001 - the two classes are one
                await session.commit()
        self.commits += 1
        self._commits.set()

    async def wait_for_commit(self) -> None:
        """Return after the next commit: a hint for those who poll, for it is blind to other processes on SQLite, and may be on PostgreSQL."""
        if self._news is not None:
            self._news.start()
        self._commits.clear()
        await self._commits.wait()

    def mark(self) -> int | None:
        """Return a number that differs once anybody, in any process, has committed; None where only reading can tell (PostgreSQL).

        Two microseconds, no thread: those who look each second need not read each second. Take it before what it vouches for.
        """
        if self._file is None:
            return None
        try:
            if self._version is None:
                address = f"{Path(self._file).absolute().as_uri()}?mode=ro"
                self._version = sqlite3.connect(address, uri=True, timeout=0, check_same_thread=False)
            return int(self._version.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return None  # whoever reads then is told what is wrong

    def forget_mark(self) -> None:
        if self._version is not None:
            self._version.close()
            self._version = None

    async def ping(self) -> None:
        """Raise `Unavailable` when the database cannot answer now."""
        async with self.read() as session:
            await session.execute(select(1))


@asynccontextmanager
async def open_database(
    url: str, *, role: Role, pool: int | None = None, clock: Clock | None = None
) -> AsyncIterator[Database]:
    """Open `url` (`sqlite:///file` or `postgresql://...`). Connects at the first use, so a database that is down raises there.

    `pool`: how many connections this process may hold at most, in place of what its role usually takes; one more where it waits for
    commits on PostgreSQL.
    """
    address = async_url(url)
    pools = POOLS[role] if pool is None else Pools(max(1, pool - pool // 4), max(1, pool // 4))
    readers = _engine(address, role, pools.read, reading=True)
    writers = _engine(address, role, pools.write, reading=False)
    news = None
    if address.get_backend_name() == "postgresql":
        news = CommitNews(_engine(address, role, 1, reading=True), clock or SystemClock())
    database = Database(address, readers, writers, news)
    try:
        yield database
    finally:
        database.forget_mark()
        if news is not None:
            await news.close()
        await _dispose(readers, writers)


async def _dispose(*engines: AsyncEngine) -> None:
    """Close the connections; a server that does not answer is left to find out for itself."""
    closing = [asyncio.ensure_future(engine.dispose()) for engine in engines]
    _, hanging = await asyncio.wait(closing, timeout=CLOSE_S)
    for one in hanging:
        one.cancel()


def async_url(url: str) -> URL:
    """Return `url` with the driver that we use; raise SettingsError where it names another database."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise SettingsError(
            "WATCHDESK_DATABASE_URL is no database URL: use sqlite:///FILE or postgresql://..."
        ) from error
    match address.get_backend_name():
        case "sqlite":
            if address.database in {None, "", ":memory:"}:
                raise SettingsError("WATCHDESK_DATABASE_URL names no file: use sqlite:///FILE")
            return address.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return address.set(drivername="postgresql+asyncpg")
        case other:
            raise SettingsError(f"WATCHDESK_DATABASE_URL names {other}: use sqlite:///FILE or postgresql://...")


def _engine(url: URL, role: Role, size: int, *, reading: bool) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, size, reading=reading)
    settings = {
        "application_name": f"watchdesk-{role}",
        "statement_timeout": str(TIMEOUT_MS),
        "lock_timeout": str(TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(TIMEOUT_MS),
    }
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=TIMEOUT_MS / 1000,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ" if reading else "READ COMMITTED",
        # A frozen server keeps no timeout of its own, so the driver has one a second later.
        connect_args={
            "server_settings": settings,
            "timeout": TIMEOUT_MS / 1000,
            "command_timeout": TIMEOUT_MS / 1000 + 1,
        },
    )
    return engine.execution_options(postgresql_readonly=True) if reading else engine


def _sqlite_engine(url: URL, size: int, *, reading: bool) -> AsyncEngine:
    # One writer at a time is SQLite's rule: a pool of one makes writers of this process queue instead of spinning on the lock.
    engine = create_async_engine(
        url,
        pool_size=size if reading else 1,
        max_overflow=0,
        pool_timeout=TIMEOUT_MS / 1000,
        connect_args={"timeout": TIMEOUT_MS / 1000},
    )

    def configure(connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None  # the driver must not begin transactions of its own
        switch_to_wal(connection)
        cursor = connection.cursor()
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            f"query_only={'ON' if reading else 'OFF'}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        # A deferred transaction that turns from reading to writing fails at once, whatever the busy timeout says.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", configure)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def switch_to_wal(connection: Any) -> None:
    """Put the file into write-ahead mode, where it stays. Who finds it locked leaves it: somebody else is switching it just now."""
    cursor = connection.cursor()
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
    finally:
        cursor.close()


@contextmanager
def _translated(*, reading: bool) -> Iterator[None]:
    try:
        yield
    except WatchdeskError:
        raise
    except Exception as error:
        known = translate(error)
        if known is None or (reading and "readonly database" in str(error)):  # a write in a read session is our bug
            raise
        raise known from error


_SQLITE_AWAY = {
    5,
    6,
    7,
    8,
    10,
    13,
    14,
    15,
}  # busy, locked, no memory, read-only, I/O error, full, cannot open, protocol
_SQLITE_DAMAGED = {11, 26}  # corrupt, not a database
# connection, rolled back, resources, not in the needed state (lock), cancelled or shut down, system error, idle too long
_POSTGRES_AWAY = ("08", "40", "53", "55P03", "57", "58", "25P03")
_POSTGRES_DAMAGED = ("XX001", "XX002")


def translate(error: BaseException) -> WatchdeskError | None:
    """Return what a driver's error means for the caller: the database is away, or damaged; None where the statement was wrong."""
    link: BaseException | None = error
    while link is not None:
        code = getattr(link, "sqlite_errorcode", None)
        state = getattr(link, "sqlstate", None) or ""
        if (code is not None and code & 0xFF in _SQLITE_DAMAGED) or state.startswith(_POSTGRES_DAMAGED):
            return DamagedError(f"The database is damaged: {link}")
        if code is not None and code & 0xFF in _SQLITE_AWAY:
            return Unavailable("database", str(link))
        if state.startswith(_POSTGRES_AWAY) or isinstance(link, ConnectionError | PoolTimeout):
            return Unavailable("database", str(link) or type(link).__name__)
        if isinstance(link, TimeoutError) or (isinstance(link, OSError) and link.errno is not None):
            return Unavailable("database", str(link) or "no answer in time")
        if getattr(link, "connection_invalidated", False):
            return Unavailable("database", str(getattr(link, "orig", None) or link))  # without SQLAlchemy's own story
        link = getattr(link, "orig", None) or link.__cause__
    return None
