from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import ScaledClock, SystemClock
from app.domain.posts import parse_line
from app.errors import DamagedError, Reason, Unavailable
from app.messages import Coverage, Gap, Item, Marks, Post, Quarantined, SpoolHead
from app.streams.port import Outgoing
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from producers.spool import Draft, Spool, open_spool
from tests.producers.recording import of_type, records

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def draft(number: int, text: str = "shelling heard east of the town", marks: Marks | None = None) -> Draft:
    raw = f'{{"id":"x:{number}","author":"ridge","created_at":"2026-03-01T11:00:00Z","text":"{text}"}}'.encode()
    content = parse_line(raw, received_at=NOW)
    assert isinstance(content, Post | Quarantined)
    return Draft("x:ridge", NOW, content, raw, marks or Marks())


async def test_items_get_consecutive_ingest_ids_of_this_spool(log: SqliteLog, spool: Spool) -> None:
    await asyncio.gather(*(spool.append([draft(n), draft(n + 100)]) for n in range(20)))
    items = await of_type(log, Item)
    assert [item.ingest.sequence for item in items] == list(range(1, 41))
    assert {item.ingest.spool for item in items} == {log.spool_id}
    assert spool.head == 40


async def test_entries_keep_their_order_and_only_items_are_counted(log: SqliteLog, spool: Spool) -> None:
    gap = Gap(NOW, NOW, "restart", NOW, source="x:ridge")
    await spool.append([gap, draft(1), Coverage(("x:ridge",), NOW, NOW, NOW), draft(2)], empty_lines=3)
    assert [type(record) for record in await records(log)] == [Gap, Item, Coverage, Item]
    assert (spool.head, spool.empty_lines) == (2, 3)


async def test_the_head_goes_on_after_a_restart_and_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with open_sqlite_log(path, SystemClock(), durable=False) as log, open_spool(log, SystemClock()) as spool:
        await spool.append([draft(1)], state={"token": b"one"}, empty_lines=2)
    async with open_sqlite_log(path, SystemClock(), durable=False) as log, open_spool(log, SystemClock()) as spool:
        assert await spool.state("token") == b"one"
        await spool.append([draft(2)])
        assert (await of_type(log, Item))[-1].ingest.sequence == 2
        heads = await of_type(log, SpoolHead)
        assert (heads[-1].head, heads[-1].empty_lines) == (1, 2)
    assert heads[0].spool == spool.id


async def test_the_head_is_said_within_seconds_of_an_item(log: SqliteLog) -> None:
    async with open_spool(log, ScaledClock(100)) as spool:
        await spool.append([draft(1), draft(2)])
        async with asyncio.timeout(5):
            while not await of_type(log, SpoolHead):
                await asyncio.sleep(0.005)
        assert (await of_type(log, SpoolHead))[-1].head == 2


async def test_a_renewed_identity_counts_from_one(log: SqliteLog) -> None:
    async with open_spool(log, SystemClock()) as spool:
        await spool.append([draft(1), draft(2)])
    await log.renew_identity()
    async with open_spool(log, SystemClock()) as spool:
        await spool.append([draft(3)])
        assert spool.head == 1
        assert await spool.raw(1) == draft(3).raw


async def test_the_raw_bytes_of_each_item_are_kept(spool: Spool) -> None:
    raw = b'{"id":"x:1","text":"' + b"a" * 1_000_000 + b'"}'
    content = parse_line(raw, received_at=NOW)
    assert isinstance(content, Post)
    await spool.append([draft(7), Draft("x:ridge", NOW, content, raw)])
    assert await spool.raw(1) == draft(7).raw
    assert await spool.raw(2) == raw
    assert await spool.raw(3) is None


async def test_marks_travel_with_the_item(log: SqliteLog, spool: Spool) -> None:
    await spool.append([draft(1, marks=Marks(history=True, no_deliver=True))])
    assert (await of_type(log, Item))[0].marks == Marks(history=True, no_deliver=True)


async def test_what_does_not_fit_a_record_is_quarantined_not_lost(log: SqliteLog, spool: Spool) -> None:
    await spool.append([Draft("x:ridge", NOW, Post("x:1", "x:1", "x", "ridge", "ق" * 200_000), b"raw")])
    item = (await of_type(log, Item))[0]
    assert item.quarantined is not None
    assert item.quarantined.reason is Reason.TOO_LARGE
    assert await spool.raw(1) == b"raw"


class FullDisk(SqliteLog):
    """A log whose next `failures` appends raise `error`."""

    failures = 0
    error: Exception = Unavailable("log", "the disk is full")

    async def append(
        self,
        topic: str,
        records: Sequence[Outgoing],
        *,
        state: Mapping[str, bytes] | None = None,
        beside: Mapping[str, Sequence[Outgoing]] | None = None,
    ) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error
        await super().append(topic, records, state=state, beside=beside)


@pytest.fixture
async def failing_log(log: SqliteLog) -> FullDisk:
    log.__class__ = FullDisk
    assert isinstance(log, FullDisk)
    return log


async def test_a_full_disk_makes_sources_wait_and_leaves_no_hole(failing_log: FullDisk) -> None:
    failing_log.failures = 3
    async with open_spool(failing_log, ScaledClock(100)) as spool:
        await asyncio.gather(spool.append([draft(1)], state={"t": b"1"}), spool.append([draft(2)], state={"t": b"2"}))
        assert [item.ingest.sequence for item in await of_type(failing_log, Item)] == [1, 2]
        assert await spool.state("t") == b"2"


async def test_damage_is_told_to_the_caller(failing_log: FullDisk) -> None:
    async with open_spool(failing_log, SystemClock()) as spool:
        failing_log.error = DamagedError("log.db is damaged")
        failing_log.failures = 1
        with pytest.raises(DamagedError):
            await spool.append([draft(1)])
        await spool.append([draft(2)])
        assert [item.ingest.sequence for item in await of_type(failing_log, Item)] == [1]


async def test_a_cancelled_caller_leaves_what_it_handed_over(log: SqliteLog, spool: Spool) -> None:
    task = asyncio.create_task(spool.append([draft(1)]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await spool.append([draft(2)])
    assert [item.ingest.sequence for item in await of_type(log, Item)] == [1, 2]


async def test_the_topic_beside_is_written_with_the_records_or_not_at_all(log: SqliteLog) -> None:
    await log.append("a", [Outgoing("k", b"1")], state={"s": b"1"}, beside={"b": [Outgoing("k", b"2")]})
    with pytest.raises(Exception, match="type"):
        await log.append("a", [Outgoing("k", b"3")], state={"s": b"2"}, beside={"b": [Outgoing("k", object())]})  # type: ignore[arg-type]
    assert ((await log.bounds("a")).end, (await log.bounds("b")).end, await log.state("s")) == (1, 1, b"1")
