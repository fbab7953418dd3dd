"""The live end of the alerts: one reader of the database per process, a bounded ring, and any number of followers.

A follower holds a position and nothing else: it reads the ring, or the database where it has fallen behind the ring. However many
follow, however slowly, memory stays the ring's.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import NamedTuple

import msgspec
from fastapi.sse import format_sse_event

from app.api.paging import Cursor, gone
from app.clock import Clock
from app.db import alerts, meta
from app.db.alerts import AlertFilter, StoredAlert
from app.db.session import Database
from app.errors import Unavailable
from app.telemetry.logging import get_logger
from app.telemetry.metrics import HttpMetrics

RING = 1_000  # alerts kept ready at least, twice as many at most: about 2 MB
BATCH = 200  # alerts read from the database at once
CHUNK = 50  # alerts written to a client at once: what a client that does not read can hold back
ASK_ANYWAY_S = 5.0  # a database that went away is told within this, also while nobody writes
POLL_S = 0.5  # how soon an alert that another process stored is seen
PING_S = 15.0  # how often a silent stream says that it lives
CATCHING_UP = 4  # followers that read the database at once: the rest of the pool stays for polls
RETRY_MS = 3_000


class Entry(NamedTuple):
    """An alert in the ring: its number, what filters ask for, and its event as bytes, made once for all followers."""

    seq: int
    watch: str
    level: str
    exercise: bool
    event: bytes


class State(msgspec.Struct, frozen=True):
    """What an `event: state` says: since when nothing came in, and whether the database answers."""

    stale_since: datetime | None
    database: str


class Tail:
    """Reads alerts as they are stored. `run` is its only task; `follow` serves one client each."""

    def __init__(self, database: Database, clock: Clock, metrics: HttpMetrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._ring: list[Entry] = []
        self._floor = 0  # the ring holds every alert after this number
        self._seen = Cursor("", 0)
        self._standing: meta.Standing | None = None
        self._read_at, self._commits = 0.0, -1
        self._asked_at = 0.0
        self._mark: int | None = None
        self._moved = asyncio.Event()
        self._catching_up = asyncio.Semaphore(CATCHING_UP)
        self._state = State(None, "up")
        self._closing = False
        self.clients = 0
        self.clients_of: Counter[str] = Counter()

    async def run(self) -> None:
        """Read on until cancelled. A database that is away is told to the followers and asked again."""
        try:
            await self._run()
        finally:
            self.close()

    @property
    def alive(self) -> bool:
        return not self._closing

    async def _run(self) -> None:
        while True:
            woken = asyncio.ensure_future(self._database.wait_for_commit())
            try:
                more = False if self._unchanged() else await self._read()
            except Unavailable as error:
                more = False
                self._say(State(self._state.stale_since, "down"))
                get_logger("app.api.tail").warning("the database is away", detail=error.detail)
            if not more:
                await self._wait(woken)
            woken.cancel()

    def close(self) -> None:
        """End every stream: the process is about to stop."""
        self._closing = True
        self._wake()

    def standing(self) -> meta.Standing | None:
        """Return where the database stood within the last second, our own commits included; None where we cannot tell.

        For answers that say "nothing changed": they cost no query, and what another process stored is seen half a second later.
        """
        old = self._clock.monotonic() - self._read_at > 2 * POLL_S
        return None if old or self._commits != self._database.commits else self._standing

    async def follow(self, start: Cursor | None, wanted: AlertFilter, who: str = "") -> AsyncGenerator[bytes]:
        """Yield a client's events as bytes from `start` until we close. None: from now on, give or take the last half second."""
        self.clients += 1
        self.clients_of[who] += 1
        try:
            yield format_sse_event(retry=RETRY_MS)
            async with aclosing(self._events(start, wanted)) as events:
                async for event in events:
                    yield event
        finally:
            self.clients -= 1
            self.clients_of[who] -= 1
            if not self.clients_of[who]:
                del self.clients_of[who]

    async def _events(self, at: Cursor | None, wanted: AlertFilter) -> AsyncGenerator[bytes]:
        told: State | None = None
        while not self._closing:
            moved = self._moved
            if told != self._state:
                told = self._state
                yield format_sse_event(event="state", data_str=msgspec.json.encode(told).decode())
            chunk, at = await self._next(at, wanted)
            if not chunk:
                chunk = await self._pause(moved)
            if chunk:
                yield chunk

    def _unchanged(self) -> bool:
        """Return whether nobody has committed since the last reading: then that one still holds, and only the clock has moved."""
        now, commits = self._clock.monotonic(), self._database.commits
        mark = self._database.mark()
        if self._standing is None or mark is None or mark != self._mark or now - self._asked_at >= ASK_ANYWAY_S:
            return False
        self._read_at, self._commits = now, commits
        self._say(State(self._standing.stale_since(self._clock.now()), "up"))
        return True

    async def _read(self) -> bool:
        commits, mark, self._mark = self._database.commits, self._database.mark(), None
        async with self._database.read() as session:
            standing = await meta.standing(session)
            fresh = standing.epoch == self._seen.epoch and standing.number >= self._seen.number
            rows = (
                await alerts.after(session, self._seen.number, limit=BATCH, wanted=AlertFilter(exercise=True))
                if fresh
                else await alerts.newest(session, limit=BATCH, wanted=AlertFilter(exercise=True))
            )
        if not fresh:
            self._ring.clear()
            self._floor = standing.alerts_gone if len(rows) < BATCH else rows[0].seq - 1
        self._standing = standing
        self._read_at = self._asked_at = self._clock.monotonic()
        self._commits = commits
        if rows or not fresh:
            self._take(standing, rows)
        self._say(State(standing.stale_since(self._clock.now()), "up"))
        more = len(rows) == BATCH and fresh
        self._mark = None if more else mark
        return more

    def _take(self, standing: meta.Standing, rows: list[StoredAlert]) -> None:
        self._ring += [_entry(standing.epoch, row) for row in rows]
        if len(self._ring) > 2 * RING:
            self._floor = self._ring[-RING - 1].seq
            del self._ring[:-RING]
        self._seen = Cursor(standing.epoch, rows[-1].seq if rows else standing.alert)
        self._wake()

    def _say(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _wait(self, woken: asyncio.Future[None]) -> None:
        try:
            async with self._clock.timeout(POLL_S):
                await woken
        except TimeoutError:
            pass

    async def _pause(self, moved: asyncio.Event) -> bytes:
        """Wait until something moved; return the ping where nothing did."""
        try:
            async with self._clock.timeout(PING_S):
                await moved.wait()
        except TimeoutError:
            return format_sse_event(comment="ping")
        return b""

    async def _next(self, at: Cursor | None, wanted: AlertFilter) -> tuple[bytes, Cursor | None]:
        """Return the events after `at` and where the client then stands."""
        if self._standing is None:
            return b"", at
        if at is None:
            # An id without data is no event, but the client comes back with it.
            return format_sse_event(id=str(self._seen)), self._seen
        if at.number < self._floor or gone(at, self._standing, self._standing.alerts_gone):
            try:
                return await self._from_database(at, wanted)
            except Unavailable:
                return b"", at
        begin = bisect_right(self._ring, at.number, key=lambda entry: entry.seq)
        entries = self._ring[begin : begin + CHUNK]
        chosen = [entry.event for entry in entries if _wants(wanted, entry)]
        self._metrics.sse_events.inc(len(chosen))
        if entries and not chosen:
            return await self._next(Cursor(at.epoch, entries[-1].seq), wanted)
        return b"".join(chosen), Cursor(at.epoch, entries[-1].seq) if entries else at

    async def _from_database(self, at: Cursor, wanted: AlertFilter) -> tuple[bytes, Cursor]:
        """Serve a client that fell behind the ring, or whose cursor we do not know: only the database can tell whether it is good."""
        async with self._catching_up, self._database.read() as session:
            standing = await meta.standing(session)
            why = gone(at, standing, standing.alerts_gone)
            rows = [] if why else await alerts.after(session, at.number, limit=CHUNK, wanted=wanted)
        newest = Cursor(standing.epoch, standing.alert)
        if why is not None:
            self._metrics.sse_dropped.labels("reset").inc()
            body = msgspec.json.encode({"reason": why, "next": str(newest)}).decode()
            return format_sse_event(event="reset", data_str=body, id=str(newest)), newest
        if not rows:
            return b"", Cursor(at.epoch, max(at.number, standing.alert))
        self._metrics.sse_events.inc(len(rows))
        return b"".join(_entry(at.epoch, row).event for row in rows), Cursor(at.epoch, rows[-1].seq)


def _entry(epoch: str, row: StoredAlert) -> Entry:
    event = format_sse_event(
        event="alert", data_str=msgspec.json.encode(row.message).decode(), id=str(Cursor(epoch, row.seq))
    )
    return Entry(row.seq, row.message.watch, row.message.level, row.exercise, event)


def _wants(wanted: AlertFilter, entry: Entry) -> bool:
    return (
        (wanted.exercise or not entry.exercise)
        and (wanted.watch is None or wanted.watch == entry.watch)
        and (wanted.level is None or wanted.level == entry.level)
    )
