from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from app.clock import ScaledClock
from app.domain.config import SourceConfig
from app.errors import HomeHeldError, SettingsError, Unavailable
from app.messages import Coverage, Gap, Item, SourceState, SpoolHead, decode
from app.streams.memory import MemoryStream
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from app.streams.topics import POSTS
from producers.coverage import CoverageKeeper
from producers.intake import Intake, Received
from producers.port import Lost, Refused
from producers.runner import Planned, open_producer_spool, run_producer, run_producers
from producers.spool import open_spool
from tests.producers.recording import of_type

Script = Callable[[Intake], Awaitable[None]]


class Scripted:
    """A producer that plays one script a connection, and then waits."""

    name = "x"
    source_ids = frozenset({"x:ridge"})

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.reads: list[float] = []

    async def read(self, intake: Intake) -> None:
        self.reads.append(intake.clock.monotonic())
        if not self.scripts:
            await intake.clock.sleep(1e9)
        await self.scripts.pop(0)(intake)


def post(number: int) -> Received:
    return Received("x:ridge", {"id": f"x:{number}", "author": "ridge", "text": "one"}, b"raw")


@asynccontextmanager
async def running(producer: Scripted, log: SqliteLog, clock: ScaledClock) -> AsyncIterator[None]:
    async with open_spool(log, clock) as spool:
        task = asyncio.create_task(run_producer(producer, spool, clock))
        try:
            yield
        finally:
            task.cancel()
            async with asyncio.timeout(2):
                await asyncio.wait([task])


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_a_lost_connection_is_read_again_after_a_growing_pause(log: SqliteLog) -> None:
    async def lose(_: Intake) -> None:
        raise Lost("reset by peer")

    producer, clock = Scripted(*[lose] * 6), ScaledClock(100)
    async with running(producer, log, clock):
        await until(lambda: _true(len(producer.reads) == 7))
    pauses = [later - earlier for earlier, later in pairwise(producer.reads)]
    assert pauses[0] >= 0.25
    assert pauses[5] >= 8
    states = await of_type(log, SourceState)
    assert [(state.state, state.detail) for state in states][:2] == [
        ("connecting", ""),
        ("connecting", "reset by peer"),
    ]


async def _true(value: bool) -> bool:
    return value


async def test_a_refusal_is_said_once_and_tried_rarely(log: SqliteLog) -> None:
    async def refuse(_: Intake) -> None:
        raise Refused("401: token refused", retry_after=20)

    producer, clock = Scripted(*[refuse] * 4), ScaledClock(100)
    async with running(producer, log, clock):
        await until(lambda: _true(len(producer.reads) == 5))
    assert all(later - earlier >= 20 for earlier, later in pairwise(producer.reads))
    states = await of_type(log, SourceState)
    assert [state.detail for state in states].count("401: token refused") == 1


async def test_a_bug_of_ours_does_not_end_the_producer(log: SqliteLog) -> None:
    async def fail(_: Intake) -> None:
        raise KeyError("tag")

    producer = Scripted(fail)
    async with running(producer, log, ScaledClock(1000)):
        await until(lambda: _true(len(producer.reads) == 2))


async def test_coverage_is_asserted_while_reading_and_the_gap_before_the_next_post(log: SqliteLog) -> None:
    async def read(intake: Intake) -> None:
        await intake.begin(["x:ridge"], intake.clock.now(), "connection lost")
        await intake.take([post(len(producer.scripts))])
        for _ in range(7):
            await intake.clock.sleep(10)
            intake.coverage.complete(None, intake.clock.now())
        raise Lost("reset", retry_after=100)

    producer, clock = Scripted(read, read), ScaledClock(500)
    async with running(producer, log, clock):
        await until(lambda: _true(len(producer.reads) == 3))
    (gap,) = await of_type(log, Gap)
    assert timedelta(seconds=100) <= gap.end - gap.start < timedelta(seconds=200)
    covered = await of_type(log, Coverage)
    assert len(covered) >= 4
    assert any(one.end == gap.start for one in covered)
    assert any(one.start == gap.end for one in covered)
    bounds = await log.bounds(POSTS.name)
    _, found = await log.fetch(POSTS.name, bounds.oldest, 1000)
    kinds = [type(decode(record.value)) for record in found]
    items = [index for index, kind in enumerate(kinds) if kind is Item]
    assert items[0] < kinds.index(Gap) < items[1]


async def test_what_was_completed_is_asserted_when_the_producer_stops(log: SqliteLog) -> None:
    async def read(intake: Intake) -> None:
        await intake.begin(["x:ridge"], intake.clock.now(), "start")
        await intake.clock.sleep(5)
        intake.coverage.complete(None, intake.clock.now())
        await intake.clock.sleep(1e9)

    async with running(Scripted(read), log, ScaledClock(100)):
        await asyncio.sleep(0.2)
    assert len(await of_type(log, Coverage)) == 1


def source(name: str, grade: str = "B") -> SourceConfig:
    return SourceConfig(id=name, grade=grade)  # type: ignore[arg-type]


async def test_a_changed_list_restarts_only_whom_it_concerns(log: SqliteLog) -> None:
    clock = ScaledClock(100)
    made: list[str] = []
    listed = [source("x:ridge"), source("rss:wire")]
    away = False

    async def load() -> Sequence[SourceConfig]:
        if away:
            raise Unavailable("database", "away")
        return list(listed)

    def plan(sources: Sequence[SourceConfig]) -> Mapping[str, Planned]:
        def make(name: str) -> Scripted:
            made.append(name)
            return Scripted()

        mine = {name: [s for s in sources if s.platform == name] for name in ("x", "rss")}
        return {name: Planned(found, lambda name=name: make(name)) for name, found in mine.items() if found}  # type: ignore[misc]

    async with open_spool(log, clock) as spool:
        task = asyncio.create_task(run_producers(load, plan, spool, clock))
        await until(lambda: _true(sorted(made) == ["rss", "x"]))
        listed.append(source("x:valley"))
        await until(lambda: _true(sorted(made) == ["rss", "x", "x"]))
        away = True
        listed.clear()
        await asyncio.sleep(0.2)
        assert sorted(made) == ["rss", "x", "x"]
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait([task])


async def test_a_producer_that_cannot_be_made_says_why_and_the_others_run(log: SqliteLog) -> None:
    clock = ScaledClock(100)
    good = Scripted()

    def broken() -> Scripted:
        raise SettingsError("[x] base_url must begin with https://")

    async def load() -> Sequence[SourceConfig]:
        return []

    planned = {"x": Planned(1, broken, frozenset({"x:ridge"})), "rss": Planned(1, lambda: good)}
    async with open_spool(log, clock) as spool:
        task = asyncio.create_task(run_producers(load, lambda _: planned, spool, clock))
        await until(lambda: _true(bool(good.reads)))

        async def said() -> bool:
            return any("must begin with https" in state.detail for state in await of_type(log, SourceState))

        await until(said)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])


async def test_beside_a_broker_the_spool_is_a_file_of_its_own_with_one_holder(tmp_path: Path) -> None:
    clock = ScaledClock(100)
    stream = MemoryStream(clock)
    async with open_producer_spool(stream, tmp_path, "live", clock) as spool:
        await spool.append([])
        with pytest.raises(HomeHeldError, match=r"spool-live in the home .* is held by process"):
            async with open_producer_spool(stream, tmp_path, "live", clock):
                pass
        async with open_producer_spool(stream, tmp_path, "replay", clock) as other:
            assert other.id != spool.id
            intake = Intake("x", spool, clock, CoverageKeeper("x", None))
            await intake.take([post(1)])
            async with stream.reader(POSTS.name, "test") as reader:
                seen: list[object] = []
                async with asyncio.timeout(5):
                    while not (any(isinstance(record, Item) for record in seen) and isinstance(seen[-1], SpoolHead)):
                        seen += [decode(record.value) for record in await reader.read(10)]
                        await asyncio.sleep(0.01)
            # The head that the empty append told may have left before, in a batch of its own.
            assert [type(record) for record in seen][-2:] == [Item, SpoolHead]
            assert sum(isinstance(record, Item) for record in seen) == 1
            await until(lambda: _drained(spool.backlog))


async def _drained(backlog: Callable[[], Awaitable[int]]) -> bool:
    return await backlog() == 0


async def test_an_embedded_stream_is_the_spool(tmp_path: Path) -> None:
    clock = ScaledClock(100)
    async with (
        open_sqlite_log(tmp_path / "log.db", clock) as log,
        open_producer_spool(log, tmp_path, "live", clock) as spool,
    ):
        assert spool.id == log.spool_id
        assert await spool.backlog() == 0
