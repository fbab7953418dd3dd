from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.clock import SystemClock
from app.errors import SettingsError, Unavailable
from app.streams.kafka_stream import KafkaReader, open_kafka
from app.streams.port import Outgoing, Reader, Stream, StreamRecord
from tests.app.streams.contract import Bench, DurableContract, assigned, posts, read_all, until, values
from tests.app.streams.kafka_bench import SESSION_SECONDS, KafkaBench, kafka_settings
from tests.app.streams.member import Member
from tests.parts import kafka_admin
from tests.parts.kafka_broker import PASSWORD, USER, KafkaBroker
from tests.simulator.fault_proxy import fault_proxy

pytestmark = pytest.mark.kafka


@pytest.fixture
def bench(kafka_bench: KafkaBench) -> Bench:
    return kafka_bench


@pytest.fixture
async def two_partitions(kafka_url: str) -> AsyncIterator[KafkaBench]:
    bench = KafkaBench(kafka_url.removeprefix("kafka://"), partitions=2)
    await bench.open()
    yield bench
    await bench.close()


class TestKafkaStream(DurableContract):
    pass


async def publish_until_it_stands(stream: Stream, topic: str, records: list[Outgoing]) -> None:
    while True:
        try:
            await stream.publish(topic, records)
        except Unavailable:
            await asyncio.sleep(0.1)
        else:
            return


async def hold(reader: Reader, partitions: set[int]) -> float:
    """Poll until the reader holds exactly these partitions; return how long that took."""
    began = time.monotonic()

    async def holds() -> bool:
        await reader.read(0)
        return reader.assignment == partitions

    await until(holds, f"partitions {partitions} are ours")
    return time.monotonic() - began


async def test_a_frozen_and_a_killed_member_lose_their_partitions_and_no_record_is_lost(
    two_partitions: KafkaBench,
) -> None:
    bench = two_partitions
    keys = [f"x:{n}" for n in range(40)]
    member = Member(bench.bootstrap, bench.topic, "g")
    try:
        async with bench.stream.reader(bench.topic, "g") as reader:

            async def balanced() -> bool:
                await reader.read(0)
                return len(reader.assignment) == len(member.assignment) == 1

            await until(balanced, "each member holds one partition")
            generation = member.generation
            member.process.send_signal(19)
            assert await hold(reader, {0, 1}) < SESSION_SECONDS + 3
            await bench.stream.publish(bench.topic, [Outgoing(key, b"{}") for key in keys])
            got = {(r.partition, r.offset) for r in await read_all(reader, 40)}
            assert len(got) == 40
            await reader.commit({0: 5, 1: 5})
            member.process.send_signal(18)
            await until(balanced, "the woken member has come back")
            assert member.generation > generation + 1

            async def rest_read() -> bool:
                # What it had under way when it froze it reads too; its commit of that is refused, and ids absorb the rest.
                await reader.read(100)
                return member.read() >= {at for at in got if [at[0]] == member.assignment and at[1] >= 5}

            await until(rest_read, "the woken member reads on from what was committed meanwhile")
            member.process.kill()
            assert await hold(reader, {0, 1}) < SESSION_SECONDS + 3
    finally:
        member.end()


async def test_a_member_that_stops_hands_over_at_once(two_partitions: KafkaBench) -> None:
    async with two_partitions.stream.reader(two_partitions.topic, "g") as second:
        async with two_partitions.stream.reader(two_partitions.topic, "g") as first:

            async def balanced() -> bool:
                await first.read(0)
                await second.read(0)
                return len(first.assignment) == len(second.assignment) == 1

            await until(balanced, "each member holds one partition")
        assert await hold(second, {0, 1}) < 2


async def test_a_change_of_assignment_is_seen_before_its_records(kafka_bench: KafkaBench) -> None:
    await kafka_bench.stream.publish(kafka_bench.topic, posts(0, 50))
    async with kafka_bench.stream.reader(kafka_bench.topic, "g") as reader:
        generation = reader.generation
        while True:
            before = reader.generation
            records = await reader.read(10)
            assert not records or before == reader.generation == generation
            generation = reader.generation
            if records:
                return


async def test_a_loop_blocked_past_the_session_rejoins_and_reads_again(kafka_bench: KafkaBench) -> None:
    await kafka_bench.stream.publish(kafka_bench.topic, posts(0, 20))
    async with kafka_bench.stream.reader(kafka_bench.topic, "g") as reader:
        await read_all(reader, 20)
        generation = reader.generation
        time.sleep(SESSION_SECONDS + 1.5)
        await reader.commit({0: 20})

        async def moved() -> bool:
            await reader.read(0)
            return reader.generation != generation and bool(reader.assignment)

        await until(moved, "the membership is new")
        start = (await reader.committed()).get(0, 0)
        assert start in {0, 20}  # the commit may have met the broker before the session's end was noticed
        assert len(await read_all(reader, 20 - start)) == 20 - start if start < 20 else True


async def _through(broker_fault: Any, bench: KafkaBench) -> list[StreamRecord]:
    """Publish and read through a fault; return what was read of 30 records, each acknowledged."""
    async with bench.stream.reader(bench.topic, "g") as reader:
        await bench.stream.publish(bench.topic, posts(0, 10))
        got = await read_all(reader, 10)
        await reader.commit({0: 10})
        publishing = asyncio.create_task(publish_until_it_stands(bench.stream, bench.topic, posts(10, 10)))
        await asyncio.to_thread(broker_fault)
        answered = time.monotonic()
        await publishing
        await publish_until_it_stands(bench.stream, bench.topic, posts(20, 10))

        async def all_read() -> bool:
            try:
                got.extend(await reader.read(100))
            except Unavailable:
                return False
            return {r.value for r in got} == {r.value for r in posts(0, 30)}

        await until(all_read, "every acknowledged record")
        assert time.monotonic() - answered < 5
    return got


async def test_a_broker_killed_and_restarted_costs_no_acknowledged_record(
    kafka_broker: KafkaBroker, kafka_bench: KafkaBench
) -> None:
    def kill_and_start() -> None:
        kafka_broker.kill()
        kafka_broker.start()

    await _through(kill_and_start, kafka_bench)


async def test_a_broker_frozen_past_every_session_costs_no_acknowledged_record(
    kafka_broker: KafkaBroker, kafka_bench: KafkaBench
) -> None:
    def freeze() -> None:
        kafka_broker.freeze()
        time.sleep(SESSION_SECONDS * 2)
        kafka_broker.thaw()

    await _through(freeze, kafka_bench)


@pytest.mark.soak
@pytest.mark.parametrize("fault", ["stopped", "killed", "frozen"])
async def test_a_broker_away_for_a_minute_costs_no_acknowledged_record(
    kafka_broker: KafkaBroker, kafka_bench: KafkaBench, fault: str
) -> None:
    def away() -> None:
        if fault == "frozen":
            kafka_broker.freeze()
        elif fault == "stopped":
            kafka_broker.stop()
        else:
            kafka_broker.kill()
        time.sleep(60)
        if fault == "frozen":
            kafka_broker.thaw()
        else:
            kafka_broker.start()

    await _through(away, kafka_bench)


async def read_for(reader: Reader, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await reader.read(10)
            await reader.wait(0.2)


async def test_an_empty_reader_says_that_the_broker_is_away(kafka_broker: KafkaBroker) -> None:
    async with fault_proxy(kafka_broker.behind_port, kafka_broker.proxy_port) as proxy:
        bench = KafkaBench(f"127.0.0.1:{proxy.port}")
        await bench.open()
        async with bench.stream.reader(bench.topic, "g") as reader:
            await assigned(reader)
            await proxy.set("refuse")
            with pytest.raises(Unavailable):
                await read_for(reader, 15)
            await proxy.set("pass")
            await bench.stream.publish(bench.topic, posts(0, 1))
            assert values(await read_all(reader, 1)) == [b'{"n":0}']
        await bench.close()


async def test_a_stream_opened_while_the_broker_is_away_works_once_it_is_there(kafka_broker: KafkaBroker) -> None:
    async with fault_proxy(kafka_broker.behind_port, kafka_broker.proxy_port) as proxy:
        await proxy.set("refuse")
        bench = KafkaBench(f"127.0.0.1:{proxy.port}")
        await bench.open()
        with pytest.raises(Unavailable):
            await bench.stream.ping()
        await proxy.set("pass")
        await bench.stream.ping()
        await bench.stream.publish(bench.topic, posts(0, 1))
        await bench.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_broker_with_tls_and_a_password_is_spoken_to(kafka_broker: KafkaBroker, mechanism: str) -> None:
    secure = KafkaBench(kafka_broker.secure_bootstrap)
    await secure.open(
        security_protocol="SASL_SSL",
        sasl_mechanism=mechanism,
        username=USER,
        password=PASSWORD,
        ca_file=kafka_broker.ca_file,
    )
    await secure.stream.publish(secure.topic, posts(0, 3))
    async with secure.stream.reader(secure.topic, "g") as reader:
        assert len(await read_all(reader, 3)) == 3
    await secure.close()


async def test_a_wrong_password_is_unavailable_and_not_in_the_message(kafka_broker: KafkaBroker) -> None:
    bench = KafkaBench(kafka_broker.secure_bootstrap)
    await bench.open(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        username=USER,
        password="not-the-password",
        ca_file=kafka_broker.ca_file,
    )
    with pytest.raises(Unavailable) as refused:
        await bench.stream.ping()
    assert "not-the-password" not in refused.value.detail
    await bench.close()


@pytest.mark.parametrize("compression", ["none", "zstd"])
async def test_any_client_reads_one_post_a_record_where_its_key_belongs(kafka_url: str, compression: str) -> None:
    bench = KafkaBench(kafka_url.removeprefix("kafka://"), partitions=6)
    await bench.open(compression=compression)
    sent = [Outgoing(f"x:source{n % 25}", b'{"n":%d}' % n + b" " * 2_000) for n in range(1_000)]
    await bench.stream.publish(bench.topic, sent)
    found = await asyncio.to_thread(kafka_admin.read_raw, bench.bootstrap, bench.topic, 1_000)
    assert {((key or b"").decode(), value) for _, key, value in found} == {(r.key, r.value) for r in sent}
    placed = {key: partition for partition, key, _ in found}
    assert len({(key, partition) for partition, key, _ in found}) == 25
    elsewhere = await asyncio.to_thread(
        kafka_admin.place, bench.bootstrap, bench.topic, sorted(k or b"" for k in placed)
    )
    assert placed == elsewhere
    await bench.close()


async def test_foreign_records_come_through_as_they_are(kafka_bench: KafkaBench) -> None:
    await asyncio.to_thread(
        kafka_admin.set_topic, kafka_bench.bootstrap, kafka_bench.topic, "max.message.bytes", "4000000"
    )
    raw = [(None, None), (b"\xff\xfe", b"\x00\x01"), (b"k", b"x" * 2_000_000), (b"k", b"after")]
    await asyncio.to_thread(kafka_admin.produce_raw, kafka_bench.bootstrap, kafka_bench.topic, raw)
    async with kafka_bench.stream.reader(kafka_bench.topic, "g") as reader:
        got = await read_all(reader, 4)
    assert [(r.key, len(r.value)) for r in got] == [("", 0), ("\ufffd\ufffd", 2), ("k", 2_000_000), ("k", 5)]


async def test_a_topic_made_anew_is_not_the_log_we_left(kafka_bench: KafkaBench) -> None:
    bench = kafka_bench
    await bench.stream.publish(bench.topic, posts(0, 5))
    async with bench.stream.reader(bench.topic, "g") as reader:
        await read_all(reader, 5)
    await asyncio.to_thread(kafka_admin.delete_topic, bench.bootstrap, bench.topic)
    async with bench.again() as stream, stream.reader(bench.topic, "g") as reader:
        await publish_until_it_stands(stream, bench.topic, posts(100, 1))
        await assigned(reader)
        assert await reader.peek(0, 4) is None
        assert (await reader.bounds(0)).end == 1
        await reader.seek(0, 0)
        assert values(await read_all(reader, 1)) == [b'{"n":100}']


async def test_a_request_that_may_end_before_a_join_does_is_refused() -> None:
    settings = kafka_settings("127.0.0.1:1", session_timeout=10.0, request_timeout=10.0)
    with pytest.raises(SettingsError, match="longer than the session"):
        async with open_kafka(settings, SystemClock()):
            pass


async def test_a_reader_that_was_left_reads_nothing(kafka_bench: KafkaBench) -> None:
    async with kafka_bench.stream.reader(kafka_bench.topic, "g") as reader:
        await assigned(reader)
        assert isinstance(reader, KafkaReader)
    assert reader.assignment == frozenset()
    assert await reader.lag() == 0


async def test_a_stop_ends_in_time_while_the_broker_does_not_answer(kafka_broker: KafkaBroker) -> None:
    bench = KafkaBench(kafka_broker.bootstrap)
    await bench.open()
    await bench.stream.publish(bench.topic, posts(0, 1))
    try:
        async with bench.stream.reader(bench.topic, "g") as reader:
            await read_all(reader, 1)
            kafka_broker.freeze()
            began = time.monotonic()
        await bench.close()
        assert time.monotonic() - began < 8  # of the ten seconds that a stop may take
    finally:
        kafka_broker.thaw()
