"""The embedded log's file: its tables and every statement on it. Blocking; one thread uses it, see `sqlite_log`.

Each topic has a table of its own, whose rowid is the offset: an append always goes to the right edge, and a range is read in one sweep.
Offsets are contiguous from the oldest record to the topic's `next`.
"""

from __future__ import annotations

import errno
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.errors import DamagedError, Unavailable, UserError
from app.streams.local_reader import PARTITION
from app.streams.port import Bounds, Outgoing, StreamRecord
from app.streams.topics import retention_of

BUSY_SECONDS = 5.0  # how long another process may hold the write lock before we say so
FULL_CHECK_BYTES = 512 * 1024 * 1024  # quick_check reads about 0.5 GB/s: of a larger file only the small tables
SMALL_TABLES = ("meta", "topics", "offsets", "state")
FORMAT = 1
EXPIRE_CHUNK = 5_000  # records deleted in one transaction, so that a publish never waits long for it

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS offsets (topic TEXT, grp TEXT, next INTEGER NOT NULL, PRIMARY KEY (topic, grp)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

Write = Callable[["LogFile"], None]


class LogFile:
    """One open `log.db`. `durable=False` trades the last seconds before a power cut for speed; a kill loses nothing either way."""

    def __init__(self, path: Path, *, durable: bool = True, retention_days: int | None = None) -> None:
        self.path = path
        self._retention_days = retention_days
        self._synchronous = "FULL" if durable else "NORMAL"
        with self._errors():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            with self._errors():
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute(f"PRAGMA synchronous = {self._synchronous}")
                self._check()
                self._create()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    @property
    def spool_id(self) -> str:
        """A random name made with the file: what was numbered by another file never looks like ours."""
        return self._meta("spool_id")

    def renew_identity(self) -> str:
        """Give the file a new spool id: after a restore it numbers other items with the same sequences."""
        with self._errors():
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'spool_id'", (secrets.token_hex(8),))
        return self.spool_id

    # -- writing -------------------------------------------------------------------------------------------------------

    def run(self, writes: Sequence[Write], *, durable: bool) -> None:
        """Run `writes` in one transaction. Where none of them adds a record the sync is left to the next commit that does."""
        with self._errors():
            self._db.execute(f"PRAGMA synchronous = {self._synchronous if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for write in writes:
                    write(self)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def append(self, topic: str, records: Sequence[Outgoing], now: float) -> None:
        table, end = self._table(topic)
        rows = ((end + i, now, key, value) for i, (key, value) in enumerate(records))
        self._db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows)  # noqa: S608 - the name is ours
        self._db.execute("UPDATE topics SET next = ? WHERE name = ?", (end + len(records), topic))

    def put_state(self, state: Mapping[str, bytes]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", state.items())

    def save_offset(self, topic: str, group: str, offset: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)", (topic, group, offset))

    def discard(self, topic: str, before: int) -> None:
        table, _ = self._table(topic)
        self._db.execute(f"DELETE FROM {table} WHERE offset < ?", (before,))  # noqa: S608

    def expire(self, now: float, hold_for: Collection[str]) -> dict[str, int]:
        """Delete a first chunk of what is past its retention; return how many records of each topic went (none: done)."""
        gone: dict[str, int] = {}
        for topic in self._topics():
            count = self._expire_topic(topic, now, hold_for)
            if count:
                gone[topic] = count
        return gone

    def _expire_topic(self, topic: str, now: float, hold_for: Collection[str]) -> int:
        table, end = self._table(topic)
        cut = now - retention_of(topic, self._retention_days).total_seconds()
        # A record from the future (the clock was wrong for a while) must not keep all that follows it.
        keep = f"SELECT offset FROM {table} WHERE appended_at BETWEEN ? AND ? ORDER BY offset LIMIT 1"  # noqa: S608
        limit = self._db.execute(keep, (cut, now)).fetchone()
        until = end if limit is None else int(limit[0])
        for group in hold_for.get(topic, ()) if isinstance(hold_for, Mapping) else hold_for:
            until = min(until, self.load_offset(topic, group) or 0)
        oldest = self.bounds(topic).oldest
        until = min(until, oldest + EXPIRE_CHUNK)
        if until <= oldest:
            return 0
        self._db.execute(f"DELETE FROM {table} WHERE offset < ?", (until,))  # noqa: S608
        return until - oldest

    # -- reading -------------------------------------------------------------------------------------------------------

    def fetch(self, topic: str, offset: int, limit: int) -> tuple[Bounds, list[StreamRecord]]:
        with self._errors():
            bounds = self.bounds(topic)
            if bounds.end <= offset:
                return bounds, []
            table, _ = self._table(topic)
            select = f"SELECT offset, key, value, appended_at FROM {table} WHERE offset >= ? ORDER BY offset LIMIT ?"  # noqa: S608
            rows = self._db.execute(select, (offset, limit))
            return bounds, [StreamRecord(topic, PARTITION, at, key, value, when) for at, key, value, when in rows]

    def bounds(self, topic: str) -> Bounds:
        with self._errors():
            row = self._db.execute("SELECT id, next FROM topics WHERE name = ?", (topic,)).fetchone()
            if row is None:
                return Bounds(0, 0)
            first = self._db.execute(f"SELECT min(offset) FROM records_{int(row[0])}").fetchone()[0]  # noqa: S608
            return Bounds(int(row[1]) if first is None else int(first), int(row[1]))

    def load_offset(self, topic: str, group: str) -> int | None:
        with self._errors():
            row = self._db.execute("SELECT next FROM offsets WHERE topic = ? AND grp = ?", (topic, group)).fetchone()
            return None if row is None else int(row[0])

    def get_state(self, key: str) -> bytes | None:
        with self._errors():
            row = self._db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
            return None if row is None else bytes(row[0])

    def copy_to(self, target: Path) -> None:
        """Write a consistent copy while the log is in use (SQLite's backup)."""
        with self._errors():
            copy = sqlite3.connect(target)
            try:
                self._db.backup(copy)
            finally:
                copy.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _topics(self) -> list[str]:
        return [str(name) for (name,) in self._db.execute("SELECT name FROM topics ORDER BY id")]

    def _table(self, topic: str) -> tuple[str, int]:
        """Return the table of a topic and its next offset; make both where the topic is new."""
        row = self._db.execute("SELECT id, next FROM topics WHERE name = ?", (topic,)).fetchone()
        if row is None:
            self._db.execute("INSERT INTO topics (name, next) VALUES (?, 0)", (topic,))
            row = self._db.execute("SELECT id, next FROM topics WHERE name = ?", (topic,)).fetchone()
            self._db.execute(
                f"CREATE TABLE records_{int(row[0])} "
                "(offset INTEGER PRIMARY KEY, appended_at REAL NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL)"
            )
        return f"records_{int(row[0])}", int(row[1])

    def _meta(self, key: str) -> str:
        with self._errors():
            return str(self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0])

    def _check(self) -> None:
        """Raise DamagedError now rather than in the middle of a night."""
        size = self.path.stat().st_size
        pages = self._db.execute("PRAGMA page_count").fetchone()[0] * self._db.execute("PRAGMA page_size").fetchone()[0]
        wal = Path(f"{self.path}-wal")
        if size < pages and not (wal.exists() and wal.stat().st_size > 0):
            raise self._damaged(f"it has {size} bytes where {pages} should stand")
        known = {str(name) for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        scopes = [""] if size <= FULL_CHECK_BYTES else [f"({name})" for name in SMALL_TABLES if name in known]
        for scope in scopes:
            answer = str(self._db.execute(f"PRAGMA quick_check{scope}").fetchone()[0])
            if answer != "ok":
                raise self._damaged(answer.splitlines()[-1])

    def _create(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('spool_id', ?)", (secrets.token_hex(8),))
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))
        self._db.execute("COMMIT")
        if (found := self._meta("format")) != str(FORMAT):
            raise UserError(f"{self.path} has format {found}, this version reads format {FORMAT}: upgrade watchdesk")

    def _damaged(self, detail: str) -> DamagedError:
        return DamagedError(
            f"{self.path} is damaged ({detail}). Stop watchdesk, then restore it from a backup, or move it and its -wal and -shm "
            "files away: what the database holds stays, and the records not yet read are marked as a gap."
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Tell SQLite's errors apart: damage stops us, a full disk or a held lock makes us wait, a wrong path is the user's."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._named(error) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self._full() from error
            raise UserError(f"{self.path} cannot be opened: {error.strerror}") from error

    def _named(self, error: sqlite3.DatabaseError) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return self._damaged(str(error))
        if code == sqlite3.SQLITE_FULL:
            return self._full()
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return Unavailable("log", f"{self.path}: another process has held the log's lock for {BUSY_SECONDS:g} s")
        if code == sqlite3.SQLITE_IOERR:
            return Unavailable("log", f"{self.path}: the disk fails ({error}), {self._free()} bytes free")
        if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            return UserError(f"{self.path} cannot be opened for writing: {error}")
        return error

    def _full(self) -> Unavailable:
        return Unavailable(
            "log", f"{self.path}: the disk is full, {self._free()} bytes free; nothing is lost, free some space"
        )

    def _free(self) -> int:
        return shutil.disk_usage(self.path.parent).free
