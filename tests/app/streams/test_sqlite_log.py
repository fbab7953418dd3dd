from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.errors import DamagedError, Unavailable, UserError
from app.streams.port import Bounds, Outgoing, Stream
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from tests.app.streams.contract import Bench, DurableContract, posts, read_all, values

TOPIC = "watchdesk.test"


class SqliteBench:
    topic = TOPIC

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stream: SqliteLog
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        self.stream = await self._stack.enter_async_context(open_sqlite_log(self.path, SystemClock()))

    def again(self) -> AbstractAsyncContextManager[Stream]:
        return open_sqlite_log(self.path, SystemClock())

    async def close(self) -> None:
        await self._stack.aclose()

    async def drop_before(self, offset: int) -> None:
        await self.stream.save_offset(self.topic, "keeper", offset)
        await self.stream.expire(SystemClock().now() + timedelta(days=8), hold_for=("keeper",))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = SqliteBench(tmp_path / "log.db")
    await bench.open()
    yield bench
    await bench.close()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    async with open_sqlite_log(tmp_path / "log.db", SystemClock()) as log:
        yield log


class TestSqliteLog(DurableContract):
    pass


class FixedClock(SystemClock):
    """A wall clock that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


async def test_records_and_state_are_put_together_or_not_at_all(log: SqliteLog) -> None:
    await log.append("items", posts(0, 2), state={"token": b"2", "head": b"2"})
    await log.append("items", [], state={"token": b"3"})
    with pytest.raises(sqlite3.Error):
        await log.append("items", [Outgoing("k", None)], state={"token": b"4"})  # type: ignore[arg-type]
    assert (await log.state("token"), await log.state("head"), await log.state("none")) == (b"3", b"2", None)
    assert await log.bounds("items") == Bounds(0, 2)


async def test_an_item_larger_than_a_record_of_a_topic_fits_into_a_spool(log: SqliteLog) -> None:
    await log.append("items", [Outgoing("k", b"x" * 2_000_000)])
    async with log.reader("items", "forward") as reader:
        assert len((await read_all(reader, 1))[0].value) == 2_000_000


async def test_the_spool_id_belongs_to_the_file_and_a_restore_renews_it(tmp_path: Path) -> None:
    path, clock = tmp_path / "spool.db", SystemClock()
    async with open_sqlite_log(path, clock) as log:
        first = log.spool_id
        assert len(first) == 16
    async with open_sqlite_log(path, clock) as log:
        assert log.spool_id == first
        renewed = await log.renew_identity()
        assert renewed == log.spool_id != first
    async with open_sqlite_log(path, clock) as log:
        assert log.spool_id == renewed
    async with open_sqlite_log(tmp_path / "other.db", clock) as log:
        assert log.spool_id not in {first, renewed}


async def test_expiry_deletes_what_is_past_its_time_and_keeps_counting(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with open_sqlite_log(tmp_path / "log.db", clock) as log:
        await log.publish(TOPIC, posts(0, 12_000))
        clock.at += timedelta(days=5)
        await log.publish(TOPIC, posts(12_000, 3))
        assert await log.expire(clock.at) == {}
        clock.at += timedelta(days=3)
        assert await log.expire(clock.at) == {TOPIC: 12_000}
        assert await log.bounds(TOPIC) == Bounds(12_000, 12_003)
        clock.at += timedelta(days=30)
        assert await log.expire(clock.at) == {TOPIC: 3}
        await log.publish(TOPIC, posts(0, 1))
        assert await log.bounds(TOPIC) == Bounds(12_003, 12_004)


async def test_texts_of_posts_stand_as_long_as_the_settings_say(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with open_sqlite_log(tmp_path / "log.db", clock, retention_days=1) as log:
        await log.publish(TOPIC, posts(0, 5))
        clock.at += timedelta(hours=23)
        assert await log.expire(clock.at) == {}
        clock.at += timedelta(hours=2)
        assert await log.expire(clock.at) == {TOPIC: 5}


async def test_expiry_holds_what_a_named_group_has_not_committed(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with open_sqlite_log(tmp_path / "spool.db", clock) as log:
        await log.append("items", posts(0, 10))
        clock.at += timedelta(days=30)
        assert await log.expire(clock.at, hold_for=("forward",)) == {}
        async with log.reader("items", "forward") as reader:
            await reader.commit({0: 4})
        assert await log.expire(clock.at, hold_for=("forward",)) == {"items": 4}
        assert await log.bounds("items") == Bounds(4, 10)


async def test_a_record_dated_in_the_future_by_a_wrong_clock_does_not_stop_expiry(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2027, 3, 1, tzinfo=UTC))
    async with open_sqlite_log(tmp_path / "log.db", clock) as log:
        await log.publish(TOPIC, posts(0, 1))
        clock.at = datetime(2026, 3, 1, tzinfo=UTC)
        await log.publish(TOPIC, posts(1, 5))
        clock.at += timedelta(days=8)
        assert await log.expire(clock.at) == {TOPIC: 6}


async def test_many_publishes_at_once_share_commits(log: SqliteLog) -> None:
    commits = 0
    run = log._file.run

    def counted(*args: object, **kwargs: object) -> None:
        nonlocal commits
        commits += 1
        run(*args, **kwargs)  # type: ignore[arg-type]

    log._file.run = counted  # type: ignore[method-assign]
    await asyncio.gather(*(log.publish(TOPIC, posts(n, 1)) for n in range(500)))
    assert await log.bounds(TOPIC) == Bounds(0, 500)
    assert commits < 20


async def test_a_cancelled_publish_harms_no_other(log: SqliteLog) -> None:
    tasks = [asyncio.create_task(log.publish(TOPIC, posts(n, 1))) for n in range(20)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n, outcome in enumerate(done) if outcome is not None] == [3]
    assert (await log.bounds(TOPIC)).end in {19, 20}


def _overwrite_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(os.urandom(8192))


def _cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _write_text(path: Path) -> None:
    path.write_text("this was never a log\n" * 500)


@pytest.mark.parametrize("harm", [_overwrite_middle, _cut_in_half, _write_text])
async def test_a_damaged_file_is_refused_with_its_path_and_the_way_out(tmp_path: Path, harm: object) -> None:
    path = tmp_path / "log.db"
    async with open_sqlite_log(path, SystemClock()) as log:
        await log.publish(TOPIC, posts(0, 3000))
    assert callable(harm)
    harm(path)
    with pytest.raises(DamagedError) as damaged:
        async with open_sqlite_log(path, SystemClock()):
            pass
    assert str(path) in damaged.value.detail
    assert "backup" in damaged.value.detail


async def test_a_path_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be opened"):
        async with open_sqlite_log(tmp_path / "no" / "such" / "log.db", SystemClock()):
            pass


async def test_a_full_disk_makes_us_wait_and_names_the_path_and_the_bytes(log: SqliteLog) -> None:
    await log.publish(TOPIC, posts(0, 1))
    log._file._db.execute("PRAGMA max_page_count = 30")  # SQLite's own limit answers as a full disk does
    with pytest.raises(Unavailable, match=r"disk is full, \d+ bytes free") as full:
        await log.publish(TOPIC, [Outgoing("k", b"x" * 200_000)])
    assert str(log.path) in full.value.detail
    log._file._db.execute("PRAGMA max_page_count = 1000000")
    await log.publish(TOPIC, posts(1, 1))
    async with log.reader(TOPIC, "g") as reader:
        assert values(await read_all(reader, 2)) == [b'{"n":0}', b'{"n":1}']


async def test_a_copy_taken_under_way_opens_and_holds_the_records(log: SqliteLog, tmp_path: Path) -> None:
    await log.publish(TOPIC, posts(0, 100))
    await log.copy_to(tmp_path / "copy.db")
    async with open_sqlite_log(tmp_path / "copy.db", SystemClock()) as copy:
        assert await copy.bounds(TOPIC) == Bounds(0, 100)


_WRITER = """
import asyncio, sys
from pathlib import Path
from app.clock import SystemClock
from app.streams.port import Outgoing
from app.streams.sqlite_log import open_sqlite_log

async def main():
    async with open_sqlite_log(Path(sys.argv[1]), SystemClock()) as log:
        n = 0
        while True:
            await log.append("t", [Outgoing("k", b"%d" % i) for i in range(n, n + 10)], state={"n": b"%d" % (n + 10)})
            n += 10
            print(n, flush=True)

asyncio.run(main())
"""


async def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(next(process.stdout)) for _ in range(50)][-1]
        process.kill()
        acknowledged = max([acknowledged, *(int(line) for line in process.stdout if line.endswith("\n"))])
    async with open_sqlite_log(path, SystemClock()) as log:
        bounds = await log.bounds("t")
        assert bounds.end >= acknowledged
        assert await log.state("n") == b"%d" % bounds.end
        async with log.reader("t", "g") as reader:
            assert values(await read_all(reader, bounds.end)) == [b"%d" % n for n in range(bounds.end)]
