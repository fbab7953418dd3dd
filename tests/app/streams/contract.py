"""What every stream adapter must do. A test class per adapter inherits `StreamContract` and gives it the fixture `bench`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import pytest

from app.errors import Invalid, Reason
from app.messages import MAX_RECORD_BYTES
from app.streams.port import Bounds, OffsetGone, Outgoing, Reader, Stream, StreamRecord

PATIENCE = 20.0  # seconds a condition may take on a loaded machine; a healthy adapter needs far less


class Bench(Protocol):
    """One adapter under test, with an empty topic of one partition and what only its own tools can do to it."""

    @property
    def topic(self) -> str: ...

    @property
    def stream(self) -> Stream: ...

    def again(self) -> AbstractAsyncContextManager[Stream]:
        """Open the same log once more, as another process would after the first one has gone."""
        ...

    async def close(self) -> None:
        """Close `stream`."""
        ...

    async def drop_before(self, offset: int) -> None:
        """Delete the records before `offset`, as retention does."""
        ...


def posts(first: int, count: int, key: str = "x:one") -> list[Outgoing]:
    return [Outgoing(key, b'{"n":%d}' % n) for n in range(first, first + count)]


def values(records: Sequence[StreamRecord]) -> list[bytes]:
    return [record.value for record in records]


async def until(condition: Callable[[], Coroutine[Any, Any, bool]], what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not within {PATIENCE:g} s: {what}")


async def read_all(reader: Reader, count: int, limit: int = 100) -> list[StreamRecord]:
    """Read until `count` records have come."""
    got: list[StreamRecord] = []

    async def enough() -> bool:
        got.extend(await reader.read(limit))
        return len(got) >= count

    await until(enough, f"{count} records")
    return got


async def assigned(reader: Reader) -> None:
    async def holds() -> bool:
        if not reader.assignment:
            await reader.read(0)  # membership may need a poll
        return bool(reader.assignment)

    await until(holds, "a partition is assigned")


class StreamContract:
    async def test_records_come_back_in_order_with_key_value_and_offset(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 3))
        await bench.stream.publish(bench.topic, posts(3, 2))
        async with bench.stream.reader(bench.topic, "g") as reader:
            got = await read_all(reader, 5)
        assert [(r.topic, r.partition, r.offset, r.key, r.value) for r in got] == [
            (bench.topic, 0, n, "x:one", b'{"n":%d}' % n) for n in range(5)
        ]
        assert all(r.appended_at > 1_500_000_000 for r in got)

    async def test_publishing_nothing_is_nothing(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, [])
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            assert await reader.bounds(0) == Bounds(0, 0)
            assert await reader.read(10) == []

    async def test_any_text_is_a_key_and_any_bytes_are_a_value(self, bench: Bench) -> None:
        sent = [Outgoing("قناة:حلب", b""), Outgoing("", b"\x00\xff\xfe"), Outgoing("x:" + "y" * 500, b"{}" * 50_000)]
        await bench.stream.publish(bench.topic, sent)
        async with bench.stream.reader(bench.topic, "g") as reader:
            got = await read_all(reader, 3)
        assert [Outgoing(r.key, r.value) for r in got] == sent

    async def test_a_record_too_large_is_refused_before_anything_is_sent(self, bench: Bench) -> None:
        with pytest.raises(Invalid) as refused:
            await bench.stream.publish(bench.topic, [*posts(0, 1), Outgoing("k", b"x" * (MAX_RECORD_BYTES + 1))])
        assert refused.value.reason is Reason.TOO_LARGE
        await bench.stream.publish(bench.topic, posts(1, 1))
        async with bench.stream.reader(bench.topic, "g") as reader:
            assert values(await read_all(reader, 1)) == [b'{"n":1}']

    async def test_read_gives_no_more_than_asked(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 10))
        async with bench.stream.reader(bench.topic, "g") as reader:
            got: list[StreamRecord] = []
            while len(got) < 10:
                part = await reader.read(3)
                assert len(part) <= 3
                got += part
        assert [r.offset for r in got] == list(range(10))

    async def test_a_group_goes_on_where_it_committed(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 10))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 10)
            await reader.commit({0: 4})
            assert await reader.committed() == {0: 4}
        async with bench.stream.reader(bench.topic, "g") as reader:
            got = await read_all(reader, 6)
        assert [r.offset for r in got] == [4, 5, 6, 7, 8, 9]

    async def test_what_was_read_and_not_committed_comes_again(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 3))
        for _ in range(2):
            async with bench.stream.reader(bench.topic, "g") as reader:
                assert len(await read_all(reader, 3)) == 3
                assert await reader.committed() == {}

    async def test_groups_do_not_know_of_each_other(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 5))
        async with bench.stream.reader(bench.topic, "g") as one, bench.stream.reader(bench.topic, "h") as two:
            assert len(await read_all(one, 5)) == 5
            await one.commit({0: 5})
            assert len(await read_all(two, 5)) == 5
            assert await two.committed() == {}

    async def test_seek_replays_from_any_offset(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 10))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 10)
            await reader.seek(0, 7)
            assert [r.offset for r in await read_all(reader, 3)] == [7, 8, 9]
            await reader.seek(0, 0)
            assert [r.offset for r in await read_all(reader, 10)] == list(range(10))

    async def test_seek_before_the_first_read_wins_over_the_committed_offset(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 6))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 6)
            await reader.commit({0: 5})
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            await reader.seek(0, 2)
            assert [r.offset for r in await read_all(reader, 4)] == [2, 3, 4, 5]

    async def test_records_deleted_unread_are_an_error_that_says_how_many(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 10))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 10)
            await reader.commit({0: 2})
        await bench.drop_before(6)
        async with bench.stream.reader(bench.topic, "g") as reader:
            with pytest.raises(OffsetGone) as gone:
                await read_all(reader, 1)
            assert (gone.value.partition, gone.value.position, gone.value.oldest) == (0, 2, 6)
            await reader.seek(0, gone.value.oldest)
            assert [r.offset for r in await read_all(reader, 4)] == [6, 7, 8, 9]

    async def test_a_new_group_is_told_of_records_that_are_gone(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 4))
        await bench.drop_before(3)
        async with bench.stream.reader(bench.topic, "late") as reader:
            with pytest.raises(OffsetGone) as gone:
                await read_all(reader, 1)
            assert (gone.value.position, gone.value.oldest) == (0, 3)

    async def test_a_position_beyond_the_end_is_an_error(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 2))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            await reader.seek(0, 9)
            with pytest.raises(OffsetGone) as gone:
                await read_all(reader, 1)
            assert (gone.value.position, gone.value.oldest) == (9, 0)

    async def test_bounds_lag_and_peek_leave_the_position_alone(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 8))
        await bench.drop_before(2)
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            await reader.seek(0, 5)
            assert await reader.bounds(0) == Bounds(2, 8)
            assert await reader.lag() == 3
            seen = await reader.peek(0, 4)
            assert seen is not None
            assert (seen.offset, seen.key, seen.value) == (4, "x:one", b'{"n":4}')
            assert await reader.peek(0, 1) is None
            assert await reader.peek(0, 8) is None
            assert [r.offset for r in await read_all(reader, 3)] == [5, 6, 7]
            assert await reader.lag() == 0

    async def test_a_record_that_arrives_ends_the_wait(self, bench: Bench) -> None:
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            assert await reader.read(10) == []
            waiting = asyncio.create_task(self._wait_and_read(reader))
            await asyncio.sleep(0)
            await bench.stream.publish(bench.topic, posts(0, 1))
            async with asyncio.timeout(PATIENCE):
                assert values(await waiting) == [b'{"n":0}']

    @staticmethod
    async def _wait_and_read(reader: Reader) -> list[StreamRecord]:
        while True:
            await reader.wait(5.0)
            if got := await reader.read(10):
                return got

    async def test_an_idle_wait_ends_in_time(self, bench: Bench) -> None:
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            await reader.read(10)
            async with asyncio.timeout(PATIENCE):
                await reader.wait(0.05)

    async def test_a_second_member_stands_by_and_takes_over_a_clean_stop(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 4))
        async with bench.stream.reader(bench.topic, "g") as second:
            async with bench.stream.reader(bench.topic, "g") as first:

                async def one_holds() -> bool:
                    await first.read(0)
                    await second.read(0)
                    return len(first.assignment) + len(second.assignment) == 1

                await until(one_holds, "exactly one member holds the partition")
                holder, idle = (first, second) if first.assignment else (second, first)
                before = idle.generation
                assert await idle.read(10) == []
                if holder is first:
                    got = await read_all(first, 4)
                    await first.commit({0: got[-1].offset + 1})
            await assigned(second)
            if holder is first:
                assert second.generation != before
                await bench.stream.publish(bench.topic, posts(4, 1))
                assert [r.offset for r in await read_all(second, 1)] == [4]

    async def test_a_member_without_the_partition_commits_nothing(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 4))
        async with bench.stream.reader(bench.topic, "g") as gone:
            await read_all(gone, 4)
        await gone.commit({0: 4})
        async with bench.stream.reader(bench.topic, "g") as reader:
            assert [r.offset for r in await read_all(reader, 4)] == [0, 1, 2, 3]

    async def test_a_cancelled_read_loses_nothing(self, bench: Bench) -> None:
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            got: list[StreamRecord] = []
            for n in range(40):
                await bench.stream.publish(bench.topic, posts(n, 1))
                reading = asyncio.create_task(reader.read(10))
                for _ in range(n % 7):
                    await asyncio.sleep(0)
                if n % 2:
                    reading.cancel()
                try:
                    got += await reading
                except asyncio.CancelledError:
                    continue
            got += await read_all(reader, 40 - len(got)) if len(got) < 40 else []
        assert [r.offset for r in got] == list(range(40))

    async def test_publishes_at_the_same_time_all_stand_and_keep_their_own_order(self, bench: Bench) -> None:
        await asyncio.gather(
            *(bench.stream.publish(bench.topic, posts(n * 10, 10, key=f"x:{n}")) for n in range(20)),
        )
        async with bench.stream.reader(bench.topic, "g") as reader:
            got = await read_all(reader, 200)
        for n in range(20):
            assert [r.value for r in got if r.key == f"x:{n}"] == [b'{"n":%d}' % i for i in range(n * 10, n * 10 + 10)]

    async def test_ping_is_quiet_while_the_log_answers(self, bench: Bench) -> None:
        await bench.stream.ping()


class DurableContract(StreamContract):
    async def test_records_and_offsets_outlive_the_process_that_wrote_them(self, bench: Bench) -> None:
        await bench.stream.publish(bench.topic, posts(0, 6))
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 6)
            await reader.commit({0: 4})
        await bench.close()
        async with bench.again() as stream, stream.reader(bench.topic, "g") as reader:
            assert [r.offset for r in await read_all(reader, 2)] == [4, 5]
            await stream.publish(bench.topic, posts(6, 1))
            assert [r.offset for r in await read_all(reader, 1)] == [6]

    async def test_records_of_another_client_are_seen(self, bench: Bench) -> None:
        async with bench.again() as other, bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            waiting = asyncio.create_task(self._wait_and_read(reader))
            await asyncio.sleep(0)
            await other.publish(bench.topic, posts(0, 1))
            async with asyncio.timeout(PATIENCE):
                assert values(await waiting) == [b'{"n":0}']
