from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import ScaledClock, SystemClock
from app.errors import Reason, UserError
from app.messages import Gap, Item, Marks, RunStart, SpoolHead
from app.streams.sqlite_log import SqliteLog
from producers.replay import Progress, Replayed, ReplayOptions, replay
from producers.spool import Entry, Spool
from tests.producers.recording import of_type, records

START = datetime(2018, 8, 13, 6, tzinfo=UTC)


def line(number: int, at: datetime | str | None = None, author: str = "ridge", **fields: Any) -> bytes:
    when = at.isoformat() if isinstance(at, datetime) else at
    post = {"id": f"x:{number}", "platform": "x", "author": author, "created_at": when, "text": f"report {number}"}
    return json.dumps(post | fields).encode()


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def write(path: Path, lines: Sequence[bytes], end: bytes = b"\n") -> Path:
    path.write_bytes(b"\n".join(lines) + end)
    return path


async def play(path: Path, spool: Spool, options: ReplayOptions | None = None) -> Replayed:
    (done,) = await replay([path], spool, SystemClock(), options)
    return done


async def test_every_line_ends_as_item_gap_or_empty_line(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    gap = b'{"type":"gap","source":"x:ridge","from":"2018-08-13T06:30:00Z","to":"2018-08-13T06:40:00Z","reason":"off"}'
    path = write(tmp_path / "day.jsonl", [line(1, START), b"", b"{junk", gap, line(2, hours(1), "valley"), b"  "])
    done = await play(path, spool)
    assert done[2:] == (2, 1, 1, 2, 0)
    start, first, junk, hole, second, head = await records(log)
    assert isinstance(start, RunStart)
    assert (set(start.sources), start.start, start.run) == ({"x:ridge", "x:valley"}, START, done.run)
    assert isinstance(first, Item)
    assert isinstance(junk, Item)
    assert isinstance(second, Item)
    assert [item.run for item in (first, junk, second)] == [done.run] * 3
    assert junk.quarantined is not None
    assert junk.quarantined.reason is Reason.BAD_JSON
    assert [item.seen_at for item in (first, junk, second)] == [START, START, hours(1)]
    assert hole == Gap(hours(0.5), START + timedelta(minutes=40), "off", START, source="x:ridge", run=done.run)
    assert isinstance(head, SpoolHead)
    assert (head.head, head.empty_lines) == (3, 2)
    assert await spool.raw(2) == b"{junk"


async def test_a_second_replay_adds_nothing(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    path = write(tmp_path / "day.jsonl", [line(n, hours(n)) for n in range(1200)])
    first = await play(path, spool)
    before = await records(log)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    again, renamed = await replay([path, copy], spool, SystemClock(), ReplayOptions(history=True))
    assert (again.posts, renamed.posts) == (0, 0)
    assert again.run == renamed.run == first.run
    assert await records(log) == before


async def test_what_was_added_to_a_file_since_is_all_that_is_taken_in(
    tmp_path: Path, log: SqliteLog, spool: Spool
) -> None:
    path = write(tmp_path / "day.jsonl", [line(1, START)])
    await play(path, spool)
    with path.open("ab") as file:
        file.write(line(2, hours(1), "valley") + b"\n")
    done = await play(path, spool)
    assert done.posts == 1
    items = await of_type(log, Item)
    assert [item.post.id for item in items if item.post] == ["x:1", "x:2"]
    assert {item.run for item in items} == {done.run}
    assert set((await of_type(log, RunStart))[-1].sources) == {"x:ridge", "x:valley"}


async def test_a_line_that_was_half_written_is_read_again_when_it_is_whole(
    tmp_path: Path, log: SqliteLog, spool: Spool
) -> None:
    whole = line(2, hours(1))
    path = write(tmp_path / "day.jsonl", [line(1, START), whole[:20]], end=b"")
    assert (await play(path, spool)).quarantined == 1
    path.write_bytes(path.read_bytes() + whole[20:] + b"\n")
    assert (await play(path, spool)).posts == 1
    assert [item.post.id for item in await of_type(log, Item) if item.post] == ["x:1", "x:2"]
    assert (await play(path, spool)).posts == 0


async def test_a_file_that_only_begins_the_same_is_another_file(tmp_path: Path, spool: Spool) -> None:
    shared = [line(n, hours(n / 10)) for n in range(1000)]
    await play(write(tmp_path / "a.jsonl", [*shared, line(1001, hours(101))]), spool)
    done = await play(write(tmp_path / "b.jsonl", [*shared, line(2001, hours(102)), line(2002, hours(103))]), spool)
    assert done.resumed_at == 0
    assert done.posts == 1002


class Stop(Exception):  # noqa: N818 - the power cut of these tests
    """The process ends here."""


class StoppingSpool(Spool):
    """Dies at the nth append."""

    appends = 0
    dies_at = 3

    async def append(self, entries: Sequence[Entry], *, state: Any = None, empty_lines: int = 0) -> None:
        self.appends += 1
        if self.appends == self.dies_at:
            raise Stop
        await super().append(entries, state=state, empty_lines=empty_lines)


async def test_a_replay_that_was_cut_goes_on_with_the_same_clock(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    lines = [line(n, hours(n / 60)) for n in range(1500)]
    lines[1100] = line(1100, START)  # its date alone would set the clock back
    path = write(tmp_path / "day.jsonl", lines)
    spool.__class__ = StoppingSpool
    with pytest.raises(Stop):
        await play(path, spool)
    spool.__class__ = Spool
    done = await play(path, spool)
    items = await of_type(log, Item)
    assert [item.post.id for item in items if item.post] == [f"x:{n}" for n in range(1500)]
    assert [item.ingest.sequence for item in items] == list(range(1, 1501))
    assert done.posts == 1000
    seen = [item.seen_at for item in items]
    assert seen == sorted(seen)
    assert seen[1100] == seen[1099]


async def test_one_wrong_date_does_not_carry_the_clock_away(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    lines = [
        line(1, START),
        line(2, "2024-01-01T00:00:00Z"),
        line(3, "9999-01-01T00:00:00Z"),
        line(4),
        line(5, hours(1)),
    ]
    await play(write(tmp_path / "day.jsonl", [*lines, line(6, hours(500)), line(7, hours(501))]), spool)
    assert [item.seen_at for item in await of_type(log, Item)] == [*[START] * 4, hours(1), hours(500), hours(501)]


async def test_a_file_without_any_date_is_seen_now(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    before = datetime.now(UTC)
    await play(write(tmp_path / "day.jsonl", [line(1), line(2)]), spool)
    first, second = await of_type(log, Item)
    assert before <= first.seen_at == second.seen_at <= datetime.now(UTC)


async def test_options_become_marks(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    await play(write(tmp_path / "a.jsonl", [line(1, START)]), spool)
    await play(
        write(tmp_path / "b.jsonl", [line(2, START)]), spool, ReplayOptions(deliver=True, history=True, exercise=True)
    )
    assert [item.marks for item in await of_type(log, Item)] == [
        Marks(no_deliver=True),
        Marks(history=True, exercise=True),
    ]


async def test_a_paced_replay_keeps_the_recorded_distances(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    clock = ScaledClock(20)
    path = write(tmp_path / "day.jsonl", [line(1, START), line(2, hours(1)), line(3, hours(2))])
    before = clock.monotonic()
    await replay([path], spool, clock, ReplayOptions(speed=3600))
    assert 2.0 <= clock.monotonic() - before < 4.0
    assert len(await of_type(log, Item)) == 3


async def test_progress_is_shown_for_both_passes(tmp_path: Path, spool: Spool) -> None:
    shown: list[Progress] = []
    path = write(tmp_path / "day.jsonl", [line(n, hours(n / 60)) for n in range(4100)])
    await replay([path], spool, SystemClock(), progress=shown.append)
    assert [step.scanning for step in shown] == sorted((step.scanning for step in shown), reverse=True)
    assert shown[-1] == Progress(path, path.stat().st_size, path.stat().st_size, False, 4100)


async def test_many_sources_are_told_in_several_records(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    path = write(
        tmp_path / "day.jsonl", [line(n, hours(n / 60), f"an_author_with_the_number_{n}") for n in range(3000)]
    )
    await play(path, spool)
    starts = await of_type(log, RunStart)
    assert len(starts) > 1
    assert (
        sum(len(start.sources) for start in starts) == len({name for start in starts for name in start.sources}) == 3000
    )


async def test_a_missing_file_is_said_before_anything_is_taken_in(tmp_path: Path, log: SqliteLog, spool: Spool) -> None:
    path = write(tmp_path / "day.jsonl", [line(1, START)])
    with pytest.raises(UserError, match=r"there is no file .*none\.jsonl"):
        await replay([path, tmp_path / "none.jsonl"], spool, SystemClock())
    assert await records(log) == []


async def test_cancelling_a_paced_replay_stops_it_at_once(tmp_path: Path, spool: Spool) -> None:
    path = write(tmp_path / "day.jsonl", [line(1, START), line(2, hours(1000))])
    task = asyncio.create_task(replay([path], spool, SystemClock(), ReplayOptions(speed=1)))
    async with asyncio.timeout(2):
        while spool.head < 1:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()
