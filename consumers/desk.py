"""topic tagged -> posts, incidents, alerts, outbox and offsets, one transaction a batch. One desk is active, the others stand by."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import structlog

from app.crash import crash_point
from app.db import meta
from app.db.desk_load import Loader
from app.db.desk_save import Saver
from app.db.offsets import LostHold, OffsetRow, hold, move
from app.db.rejudge import InForce, judge_again
from app.db.session import WriteSession
from app.domain.changes import Changes, LostRecords
from app.domain.desk import Desk
from app.domain.desk_state import DeskState
from app.messages import Item, Record
from app.resources import Resources
from app.streams.port import OffsetGone, Reader, StreamRecord
from app.streams.topics import TAGGED
from consumers.left_log import LeftLog, examine, mark_of
from consumers.limit import GarbageLimit
from consumers.measures import LagMeter, count_bug, count_changes, count_garbage, count_passage, timed
from consumers.records import key_of, poison, read_records
from consumers.rules import LoadedRules, load_rules
from consumers.traces import tell_decided
from consumers.tries import Tries

BATCH = 200
IDLE_S = 1.0
MOST_IN_MEMORY = 20_000  # incidents; beyond it the oldest are left to the database

log = structlog.get_logger(__name__)


class DeskStage:
    """The desk while it holds its partition. Memory is dropped and read again after anything unexpected."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._limit = GarbageLimit(TAGGED.name)
        self._lag = LagMeter(resources, "desk")
        self._tries = Tries(resources.settings.home / "tries/desk.json")
        self._owner = ""
        self._offset: OffsetRow | None = None
        self._state: DeskState | None = None
        self._rules: LoadedRules | None = None
        self._known_change = 0
        self._mark: int | None = None
        self._catching_up = False
        self._judged = ("", 0)  # the watches that all incidents in memory were judged by, and after how many loads

    async def run(self, reader: Reader) -> None:
        """Decide for ever. Raises `Unavailable` when the stream or the database is away: the runner waits and begins again."""
        generation = -1
        while True:
            if not reader.assignment:
                self._drop()
                await self._resources.database.ping()  # who cannot reach it stands by for nothing
                self._lag.idle()
                await reader.read(1)  # takes note of the membership; taking over seeks, whatever it moved
                await reader.wait(IDLE_S)
                continue
            if generation != reader.generation or self._state is None:
                generation = reader.generation
                await self._take_over(reader)
            try:
                batch = await reader.read(BATCH)
            except OffsetGone as gone:
                await self._skip_hole(reader, gone)
                continue
            if generation != reader.generation:
                continue
            try:
                await self._work(reader, batch)
            except LostHold as lost:
                # Another desk holds the partition: let go until it is assigned to us again.
                log.warning("the desk lost its hold", detail=str(lost))
                self._drop()
                await self._stand_by(reader, generation)
            except BaseException:
                self._drop()
                raise

    async def _work(self, reader: Reader, batch: Sequence[StreamRecord]) -> None:
        if not batch:
            self._lag.idle()
            await self._notice()
            if self._catching_up and await reader.lag() == 0:
                await self._caught_up()
            await reader.wait(IDLE_S)
            return
        crash_point("desk.after_read")
        records = read_records(batch, self._limit)
        count_garbage(self._resources.metrics, "desk", records)
        at = 0
        while at < len(batch):
            size = 1 if self._tries.careful else len(batch)
            await self._batch(batch[at : at + size], records[at : at + size])
            at += size
        await reader.commit({batch[-1].partition: batch[-1].offset + 1})  # advisory: the database's own offset decides
        crash_point("desk.after_stream_commit")
        await self._lag.note(reader)

    async def _batch(self, batch: Sequence[StreamRecord], records: list[Record]) -> None:
        if self._state is None or self._offset is None:
            raise LostHold("memory was dropped")
        keys = [key_of(record, one) for one, record in zip(batch, records, strict=True)]
        if len(batch) == 1 and self._tries.exhausted(keys[0]) and isinstance(records[0], Item):
            records = [poison(records[0], batch[0].value, "deciding it failed three times")]
            self._tries.give_up(keys[0])
            count_bug(self._resources.metrics, "desk")  # each try ended the process, and what that process had counted
        changes = Changes()
        with timed(self._resources, "desk", batch):
            async with self._resources.database.write() as writing:
                await self._refresh(writing)
                with self._tries.trying(keys):
                    await self._decide(writing, records, changes)
                crash_point("desk.in_transaction")
                number = await self._save(writing, changes)
                now = self._resources.clock.now()
                moved = self._offset.moved_to(batch[-1].offset + 1, mark_of(batch[-1]), now)
                await move(writing.session, self._offset, moved)
                crash_point("desk.before_commit")
        crash_point("desk.after_commit")
        self._offset = moved
        self._known_change = max(self._known_change, number)
        count_changes(self._resources.metrics, changes)
        count_passage(self._resources, "desk", records)
        tell_decided(changes)
        self._make_room()

    async def _decide(self, writing: WriteSession, records: list[Record], changes: Changes) -> None:
        if self._state is None or self._rules is None:
            raise LostHold("memory was dropped")
        loader = Loader(self._rules.rules.book, self._rules.rules.options)
        await loader.needed(writing.session, self._state, records)
        await self._judge_again(writing, self._state, self._rules)
        desk = Desk(self._state, self._rules.rules, self._rules.matcher)
        for record in records:
            desk.handle(record, changes)

    async def _judge_again(self, writing: WriteSession, state: DeskState, rules: LoadedRules) -> None:
        """After a watch has changed, match the open incidents again: their next post tells the watches what they are owed."""
        matcher = rules.matcher
        if self._judged != (matcher.version, state.loads):
            watches = InForce(matcher.version, rules.rules.watches.keys(), matcher.hits)
            await judge_again(writing.session, state, watches)
            self._judged = (matcher.version, state.loads)

    async def _save(self, writing: WriteSession, changes: Changes) -> int:
        if self._state is None or self._rules is None:
            raise LostHold("memory was dropped")
        saver = Saver(writing, self._state, self._resources.clock.now(), self._rules.destinations)
        return await saver.save(changes)

    async def _refresh(self, writing: WriteSession) -> None:
        """Read what editors, API and CLI changed since: under the writer lock, so nothing can come between."""
        if self._state is None:
            raise LostHold("memory was dropped")
        self._rules = await load_rules(writing.session, self._resources, self._rules)
        self._state.coverage.areas = self._rules.areas
        loader = Loader(self._rules.rules.book, self._rules.rules.options)
        self._known_change = await loader.changed(writing.session, self._state, self._known_change)

    async def _notice(self) -> None:
        """An idle second: notice what others changed, so that the next batch has less to read."""
        mark = self._resources.database.mark()
        if self._state is None or self._rules is None or (mark is not None and mark == self._mark):
            return
        async with self._resources.database.read() as session:
            loader = Loader(self._rules.rules.book, self._rules.rules.options)
            self._known_change = await loader.changed(session, self._state, self._known_change)
        self._mark = mark

    async def _caught_up(self) -> None:
        """After a restore: everything up to now was read again, deletions too, so the API may open."""
        async with self._resources.database.write() as writing:
            await meta.drop(writing, meta.CATCHING_UP)
        self._catching_up = False
        log.info("caught up with the stream after the restore")

    async def _take_over(self, reader: Reader) -> None:
        """Write a fresh owner mark, check that this is the log we left, then read where to go on and all open incidents."""
        self._drop()
        partition = min(reader.assignment)
        owner = secrets.token_hex(16)
        async with self._resources.database.write() as writing:
            held = await hold(writing.session, TAGGED.name, partition, owner, self._resources.clock.now())
        left = await examine(reader, held)
        start = (await reader.bounds(partition)).oldest if left is LeftLog.OTHER else held.next
        async with self._resources.database.write() as writing:
            rules = await load_rules(writing.session, self._resources, None)
            loader = Loader(rules.rules.book, rules.rules.options)
            state, known_change = await loader.everything(writing.session)
            state.coverage.areas = rules.areas
            self._state, self._rules, self._known_change = state, rules, known_change
            self._catching_up = await meta.value(writing.session, meta.CATCHING_UP) is not None
            if left is LeftLog.AHEAD:
                log.warning("the database was restored: cursors begin a new epoch", next=held.next)
                await meta.new_epoch(writing)
            if left is LeftLog.OTHER:
                held = await self._start_over(writing, held, start)
        self._offset = held
        await reader.seek(partition, held.next)
        log.info("the desk took over", partition=partition, next=held.next, incidents=len(state.incidents))

    async def _start_over(self, writing: WriteSession, held: OffsetRow, start: int) -> OffsetRow:
        """Another log stands here: a gap row and an alarm, then read it from its start; ids absorb what we know."""
        now = self._resources.clock.now()
        reason = f"{held.topic} is not the log that was left at {held.next}: it is read again from {start}"
        log.error("another log", topic=held.topic, next=held.next, start=start)
        changes = Changes()
        changes.lost.append(LostRecords(held.moved_at, now, reason))
        await self._save(writing, changes)
        moved = held.moved_to(start, None, now)
        await move(writing.session, held, moved)
        return moved

    async def _skip_hole(self, reader: Reader, gone: OffsetGone) -> None:
        """Records expired unread: a gap row and an alarm, then on from the oldest that stands."""
        if self._offset is None:
            return
        now = self._resources.clock.now()
        changes = Changes()
        reason = f"{gone.oldest - self._offset.next} records of {gone.topic} expired unread"
        changes.lost.append(LostRecords(self._offset.moved_at, now, reason))
        log.error("records expired unread", topic=gone.topic, first=self._offset.next, last=gone.oldest - 1)
        async with self._resources.database.write() as writing:
            await self._save(writing, changes)
            moved = self._offset.moved_to(gone.oldest, self._offset.last_mark, now)
            await move(writing.session, self._offset, moved)
        self._offset = moved
        await reader.seek(gone.partition, gone.oldest)

    async def _stand_by(self, reader: Reader, generation: int) -> None:
        while reader.generation == generation:
            await reader.wait(IDLE_S)
            await reader.lag()

    def _make_room(self) -> None:
        state = self._state
        if state is None:
            return
        if len(state.known) > MOST_IN_MEMORY:
            state.known.clear()
        if len(state.incidents) > MOST_IN_MEMORY:
            times = sorted(facts.last_at for facts in state.facts.values() if facts is not None)
            state.forget_before(times[len(times) // 2])

    def _drop(self) -> None:
        self._state = None
        self._offset = None
        self._judged = ("", 0)
