"""The spool: where an item gets its ingest id and becomes durable, before anybody else sees it.

One transaction holds the records, the raw bytes, the resume token that covers them and the new head, so a crash leaves all or
nothing of it. Embedded, the spool is the topic `posts` itself; on a broker it is a file of the producer's own, which a forwarder
empties (`producers.forward`). Callers that arrive together share a transaction. A full disk or a held lock makes callers wait.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import NamedTuple

import msgspec
import structlog

from app.ballast import need_room
from app.clock import Clock
from app.crash import crash_point
from app.domain.posts import quarantine
from app.errors import Reason, Unavailable
from app.messages import (
    MAX_RECORD_BYTES,
    Coverage,
    Gap,
    Ingest,
    Item,
    Marks,
    Post,
    Quarantined,
    Record,
    RunStart,
    SourceState,
    SpoolHead,
    encode,
)
from app.streams.port import Outgoing
from app.streams.sqlite_log import SqliteLog
from app.streams.topics import POSTS
from producers.measures import Measures

RAW_TOPIC = (
    "watchdesk.raw.v1"  # the bytes as they came, offset = sequence - 1 - base; evidence, read by hand or by an export
)
SAY_HEAD_S = 1.0  # how long a head may stay unsaid, so that the ledger's "received" is never older
RETRY_CAP_S = 2.0
HURRY_S = 2.0  # of the eight seconds that a process has to stop in

log = structlog.get_logger(__name__)


class Draft(NamedTuple):
    """A received item before it has its ingest id. `raw` is what came, unchanged; `run` names a replay."""

    source: str
    seen_at: datetime
    content: Post | Quarantined
    raw: bytes
    marks: Marks = Marks()
    run: str | None = None


Entry = Draft | Coverage | RunStart | Gap | SourceState


class Head(msgspec.Struct, frozen=True):
    """How far a spool has counted. `raw_base`: where its raw bytes begin in RAW_TOPIC, after those of an earlier identity of the file."""

    head: int = 0
    empty_lines: int = 0
    raw_base: int = 0


class _Pending(NamedTuple):
    entries: Sequence[Entry]
    state: Mapping[str, bytes]
    empty_lines: int
    done: asyncio.Future[None]


class Spool:
    """Opened by `open_spool`. Sequences count from 1 and have no holes."""

    def __init__(
        self, log_: SqliteLog, clock: Clock, head: Head, *, forwarded: bool = False, measures: Measures | None = None
    ) -> None:
        self.measures = measures
        self._log = log_
        self._forwarded = forwarded
        self._clock = clock
        self._head = head
        self._said: Head | None = None
        self._pending: list[_Pending] = []
        self._writer: asyncio.Task[None] | None = None
        self._sayer: asyncio.Task[None] | None = None
        self._stuck = False
        self._try_until = float("inf")

    @property
    def id(self) -> str:
        return self._log.spool_id

    @property
    def head(self) -> int:
        """The sequence of the last item taken in."""
        return self._head.head

    @property
    def empty_lines(self) -> int:
        return self._head.empty_lines

    @property
    def waiting(self) -> int:
        """How many entries are not yet durable."""
        return sum(len(pending.entries) for pending in self._pending)

    async def backlog(self) -> int:
        """Return how many records the stream has not taken yet: 0 where the spool is the stream."""
        bounds = await self._log.bounds(POSTS.name)
        return bounds.end - bounds.oldest if self._forwarded else 0

    async def oldest(self) -> float | None:
        """Return when the oldest record came that the stream has not taken yet, as a Unix time; None where none waits."""
        if not self._forwarded:
            return None
        bounds = await self._log.bounds(POSTS.name)
        _, records = await self._log.fetch(POSTS.name, bounds.oldest, 1)
        return records[0].appended_at if records else None

    async def append(
        self, entries: Sequence[Entry], *, state: Mapping[str, bytes] | None = None, empty_lines: int = 0
    ) -> None:
        """Take the entries in, in order, with the resume `state` that covers them; durable when this returns.

        While the disk cannot take them it waits; DamagedError is raised. Cancelled where the process stops meanwhile.
        """
        done = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(entries, state or {}, empty_lines, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_pending())
        await done
        if self._said != self._head and (self._sayer is None or self._sayer.done()):
            self._sayer = asyncio.create_task(self._say_later())

    async def state(self, key: str) -> bytes | None:
        """Return the resume token that was last taken in under `key`."""
        return await self._log.state(key)

    async def raw(self, sequence: int) -> bytes | None:
        """Return the bytes of an item as they came; None where they have expired."""
        _, records = await self._log.fetch(RAW_TOPIC, self._head.raw_base + sequence - 1, 1)
        return records[0].value if records and records[0].key == str(sequence) else None

    async def say_head(self) -> None:
        """Publish how many items were taken in, unless that was said already."""
        if self._said == self._head:
            return
        saying = self._head
        head = SpoolHead(self.id, saying.head, self._clock.now(), saying.empty_lines)
        await self._durable([Outgoing(self.id, encode(head))], {}, [])
        self._said = saying

    def hurry(self) -> None:
        """The process is about to stop: where the disk takes nothing, give up soon. What is not taken in was promised to nobody."""
        self._try_until = min(self._try_until, self._clock.monotonic() + HURRY_S)

    async def close(self) -> None:
        """Write what waits and say the head, as far as the disk takes it."""
        self.hurry()
        if self._sayer is not None:
            self._sayer.cancel()
            await asyncio.wait([self._sayer])
        if self._writer is not None:
            await asyncio.wait([self._writer])
        with suppress(Unavailable):
            await self.say_head()

    async def _say_later(self) -> None:
        await self._clock.sleep(SAY_HEAD_S)
        with suppress(Unavailable):
            await self.say_head()

    async def _write_pending(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            error: Exception | None = None
            try:
                await self._write(batch)
            except Exception as raised:  # noqa: BLE001 - handed to everybody who waits
                error = raised
            for pending in batch:
                if pending.done.done():  # its caller was cancelled; what it handed over stands
                    continue
                if error is None:
                    pending.done.set_result(None)
                elif isinstance(error, Unavailable):
                    pending.done.cancel()
                else:
                    pending.done.set_exception(error)

    async def _write(self, batch: Sequence[_Pending]) -> None:
        head = self._head.head
        records: list[Outgoing] = []
        raws: list[Outgoing] = []
        for pending in batch:
            for entry in pending.entries:
                if isinstance(entry, Draft):
                    head += 1
                    records.append(_item(entry, Ingest(self.id, head)))
                    raws.append(Outgoing(str(head), entry.raw))
                else:
                    records.append(Outgoing(_key(entry), encode(entry)))
        after = Head(head, self._head.empty_lines + sum(p.empty_lines for p in batch), self._head.raw_base)
        state = {key: value for pending in batch for key, value in pending.state.items()}
        if after != self._head:
            state[_head_key(self.id)] = msgspec.json.encode(after)
        crash_point("spool.before_append")
        await self._durable(records, state, raws)
        self._head = after
        self._measure(batch)
        crash_point("spool.after_append")

    def _measure(self, batch: Sequence[_Pending]) -> None:
        if self.measures is None:
            return
        for pending in batch:
            self.measures.passed_empty(pending.empty_lines)
            for entry in pending.entries:
                if isinstance(entry, Draft):
                    live = entry.run is None and not entry.marks.gapfill
                    self.measures.took(entry.source, entry.content, entry.seen_at, live=live)

    async def _durable(self, records: list[Outgoing], state: Mapping[str, bytes], raws: list[Outgoing]) -> None:
        delay = 0.05
        while True:
            try:
                self._need_room()
                await self._log.append(POSTS.name, records, state=state, beside={RAW_TOPIC: raws})
            except Unavailable as trouble:
                if not self._stuck:
                    log.warning("the spool cannot take items; sources wait", spool=self.id, detail=trouble.detail)
                self._hold(stuck=True)
                if self._clock.monotonic() >= self._try_until:
                    raise
                await self._clock.sleep(delay * random.uniform(0.8, 1.2))
                delay = min(RETRY_CAP_S, delay * 2)
            else:
                if self._stuck:
                    log.info("the spool takes items again", spool=self.id)
                self._hold(stuck=False)
                return

    def _need_room(self) -> None:
        freed = need_room(self._log.path.parent)
        if freed:
            log.error("the disk is nearly full: the ballast was given up", path=str(self._log.path.parent), freed=freed)

    def _hold(self, *, stuck: bool) -> None:
        self._stuck = stuck
        if self.measures is not None:
            self.measures.holding(stuck=stuck)


@asynccontextmanager
async def open_spool(
    log_: SqliteLog, clock: Clock, *, forwarded: bool = False, measures: Measures | None = None
) -> AsyncIterator[Spool]:
    """Take up the spool where it stands in `log_`, and say its head: what was taken in before a crash may not have been counted aloud.

    `forwarded`: the log is a file of the producer's own, which a forwarder empties.
    """
    stored = await log_.state(_head_key(log_.spool_id))
    if stored is None:
        head = Head(raw_base=(await log_.bounds(RAW_TOPIC)).end)
    else:
        head = msgspec.json.decode(stored, type=Head)
    spool = Spool(log_, clock, head, forwarded=forwarded, measures=measures)
    if head.head or head.empty_lines:
        await spool.say_head()
    try:
        yield spool
    finally:
        await spool.close()


def _head_key(spool_id: str) -> str:
    return f"head:{spool_id}"


def _item(draft: Draft, ingest: Ingest) -> Outgoing:
    value = encode(_whole(draft, ingest))
    if len(value) > MAX_RECORD_BYTES:
        refused = quarantine(draft.raw, Reason.TOO_LARGE, f"the record would have {len(value):,} bytes")
        value = encode(_whole(draft._replace(content=refused), ingest))
    return Outgoing(draft.run or draft.source, value)


def _whole(draft: Draft, ingest: Ingest) -> Item:
    post = draft.content if isinstance(draft.content, Post) else None
    quarantined = draft.content if isinstance(draft.content, Quarantined) else None
    return Item(
        ingest=ingest,
        source=draft.source,
        seen_at=draft.seen_at,
        post=post,
        quarantined=quarantined,
        marks=draft.marks,
        run=draft.run,
    )


def _key(record: Record) -> str:
    match record:
        case RunStart():
            return record.run
        case Gap():
            return record.run or record.source or ""
        case Coverage():
            return record.sources[0]
        case SourceState():
            return record.source
        case _:
            raise TypeError(f"no producer appends a {type(record).__name__}")
