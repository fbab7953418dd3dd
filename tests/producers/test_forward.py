from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from app.clock import ScaledClock, SystemClock
from app.errors import Unavailable
from app.messages import Item, decode
from app.streams.memory import MemoryStream
from app.streams.port import Outgoing
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from app.streams.topics import POSTS
from producers.forward import forward
from producers.spool import open_spool
from tests.producers.recording import records
from tests.producers.test_spool import draft


class FlakyStream(MemoryStream):
    """A stream that is away for its first publishes, and whose ack of one publish is lost."""

    away = 4
    lost_acks = 1

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("broker", "away")
        await super().publish(topic, records)
        if self.lost_acks:
            self.lost_acks -= 1
            raise Unavailable("broker", "no ack")


async def published(stream: MemoryStream) -> list[bytes]:
    async with stream.reader(POSTS.name, "test") as reader:
        return [record.value for record in await reader.read(10_000)]


async def forward_until_empty(log: SqliteLog, stream: MemoryStream, clock: ScaledClock) -> None:
    task = asyncio.create_task(forward(log, stream, clock))
    try:
        async with asyncio.timeout(10):
            while (bounds := await log.bounds(POSTS.name)).oldest < bounds.end:
                await asyncio.sleep(0.005)
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_records_go_in_order_and_leave_the_spool_after_the_ack(log: SqliteLog) -> None:
    stream, clock = MemoryStream(SystemClock()), ScaledClock(100)
    async with open_spool(log, clock) as spool:
        for n in range(1200):
            await spool.append([draft(n)])
    expected = await records(log)
    await forward_until_empty(log, stream, clock)
    assert [decode(value) for value in await published(stream)] == expected
    assert await spool.raw(7) == draft(6).raw


async def test_an_outage_and_a_lost_ack_lose_nothing_and_only_repeat(log: SqliteLog) -> None:
    clock = ScaledClock(100)
    stream = FlakyStream(SystemClock())
    async with open_spool(log, clock) as spool:
        await spool.append([draft(n) for n in range(10)])
    await forward_until_empty(log, stream, clock)
    seen = [item.ingest.sequence for item in map(decode, await published(stream)) if isinstance(item, Item)]
    assert seen == [*range(1, 11), *range(1, 11)]


async def test_a_new_forwarder_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    clock = ScaledClock(100)
    stream = MemoryStream(SystemClock())
    for start in (0, 5):
        async with open_sqlite_log(tmp_path / "spool-x.db", clock, durable=False) as log:
            async with open_spool(log, clock) as spool:
                await spool.append([draft(n) for n in range(start, start + 5)])
            await forward_until_empty(log, stream, clock)
    seen = [item.ingest.sequence for item in map(decode, await published(stream)) if isinstance(item, Item)]
    assert seen == list(range(1, 11))


async def test_a_dead_stream_never_slows_what_comes_in(log: SqliteLog) -> None:
    """Five thousand items arrive one by one while no publish ever returns: what is taken in waits for the disk alone."""

    class DeadStream(MemoryStream):
        async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
            del topic, records
            await asyncio.Event().wait()

    clock = SystemClock()
    forwarding = asyncio.create_task(forward(log, DeadStream(clock), clock))
    async with open_spool(log, clock, forwarded=True) as spool:
        slowest = 0.0
        for first in range(0, 5000, 10):
            began = clock.monotonic()
            await asyncio.gather(*(spool.append([draft(number)]) for number in range(first, first + 10)))
            slowest = max(slowest, clock.monotonic() - began)
        assert spool.head == 5000
        assert await spool.backlog() >= 5000
        assert slowest < 2.0
        forwarding.cancel()
        await asyncio.wait([forwarding])
