"""What aiokafka does when a broker answers with errors, slowly or not at all: each was seen to hang, to lose or to wedge without our bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.clock import ScaledClock, SystemClock
from app.errors import Unavailable
from app.streams.kafka import (
    BATCH_BYTES,
    COMMIT_SECONDS,
    PUBLISH_SECONDS,
    STOP_SECONDS,
    Connection,
    Producer,
)
from app.streams.kafka_stream import KafkaReader
from app.streams.port import Outgoing
from tests.app.streams.contract import posts, read_all, until, values
from tests.app.streams.kafka_bench import KafkaBench, kafka_settings
from tests.parts.child import free_port
from tests.parts.kafka_broker import KafkaBroker
from tests.simulator import mock_kafka as api
from tests.simulator.fault_proxy import FaultProxy, Mode, fault_proxy
from tests.simulator.mock_kafka import MockKafka, mock_kafka

TOPIC = "watchdesk.test"
QUICK = 5.0  # a clock this much faster brings our deadlines of 10 s down to 2 s


def connect(bootstrap: str, factor: float = 1.0) -> Connection:
    kafka = kafka_settings(bootstrap, request_timeout=20.0).kafka
    assert kafka is not None
    return Connection(kafka, SystemClock() if factor == 1.0 else ScaledClock(factor))


@pytest.fixture
def mock() -> Iterator[MockKafka]:
    with mock_kafka() as mock:
        mock.create_topic(TOPIC)
        yield mock


@pytest.fixture
async def producer(mock: MockKafka) -> AsyncIterator[Producer]:
    producer = Producer(connect(mock.bootstrap))
    yield producer
    await producer.close()


@pytest.fixture
async def reader(mock: MockKafka) -> AsyncIterator[KafkaReader]:
    reader = KafkaReader(connect(mock.bootstrap), TOPIC, "g")
    await reader.join()
    yield reader
    await reader.leave()


RETRIED = {
    "unknown topic": 3,
    "no leader": 5,
    "not leader": 6,
    "timed out": 7,
    "too few replicas": 19,
    "too few after append": 20,
    "storage": 56,
}
RAISED = {
    "corrupt": 2,
    "too large": 10,
    "not authorized": 29,
    "policy": 44,
    "out of order": 45,
    "epoch": 47,
    "producer id": 59,
    "invalid record": 87,
    "quota": 89,
}


@pytest.mark.parametrize("code", RETRIED.values(), ids=RETRIED)
async def test_a_passing_error_of_the_broker_is_retried_within_the_publish(
    mock: MockKafka, producer: Producer, code: int
) -> None:
    mock.push_errors(api.PRODUCE, code)
    await producer.publish(TOPIC, posts(0, 1))
    assert mock.count_requests()[api.PRODUCE] == 2


@pytest.mark.parametrize("code", RAISED.values(), ids=RAISED)
async def test_after_any_other_error_the_next_publish_works(mock: MockKafka, producer: Producer, code: int) -> None:
    mock.push_errors(api.PRODUCE, code)
    with pytest.raises(Unavailable, match="publish"):
        await producer.publish(TOPIC, posts(0, 1))
    await producer.publish(TOPIC, posts(0, 1))
    assert mock.count_requests()[api.PRODUCE] == 2


async def test_a_publish_without_a_broker_ends_and_the_next_one_with_it_works(mock: MockKafka) -> None:
    producer = Producer(connect(mock.bootstrap, QUICK))
    await producer.publish(TOPIC, posts(0, 1))
    mock.set_down()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await producer.publish(TOPIC, posts(1, 1))
    assert time.monotonic() - began < (PUBLISH_SECONDS + 2 * STOP_SECONDS) / QUICK + 2
    mock.set_up()
    await producer.publish(TOPIC, posts(1, 1))
    began = time.monotonic()
    mock.set_down()
    await producer.close()
    assert time.monotonic() - began < 2 * STOP_SECONDS / QUICK + 2


async def test_nothing_listening_is_known_at_once() -> None:
    port = free_port()
    producer = Producer(connect(f"127.0.0.1:{port}"))
    reader = KafkaReader(connect(f"127.0.0.1:{port}"), TOPIC, "g")
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        await producer.publish(TOPIC, posts(0, 1))
    with pytest.raises(Unavailable):
        await reader.join()
    assert time.monotonic() - began < 2
    await producer.close()
    await reader.leave()


FATAL_TO_THE_GENERATION = {"illegal generation": 22, "unknown member": 25, "rebalance": 27}
PASSING = {"load in progress": 14, "no coordinator": 15, "not coordinator": 16, "timed out": 7, "fenced": 82}


@pytest.mark.parametrize("code", PASSING.values(), ids=PASSING)
async def test_a_commit_that_meets_a_passing_error_goes_on(
    mock: MockKafka, producer: Producer, reader: KafkaReader, code: int
) -> None:
    await producer.publish(TOPIC, posts(0, 5))
    await read_all(reader, 5)
    mock.push_errors(api.OFFSET_COMMIT, code)
    await reader.commit({0: 2})
    await reader.commit({0: 5})
    assert await reader.committed() == {0: 5}
    assert mock.count_requests()[api.OFFSET_COMMIT] >= 2


@pytest.mark.parametrize("code", FATAL_TO_THE_GENERATION.values(), ids=FATAL_TO_THE_GENERATION)
async def test_a_commit_that_costs_the_membership_is_no_error_and_the_records_come_again(
    mock: MockKafka, producer: Producer, reader: KafkaReader, code: int
) -> None:
    await producer.publish(TOPIC, posts(0, 5))
    await read_all(reader, 5)
    before = reader.generation
    mock.push_errors(api.OFFSET_COMMIT, code)
    await reader.commit({0: 5})
    got = await read_all(reader, 5)
    assert [r.offset for r in got] == [0, 1, 2, 3, 4]
    assert reader.generation > before


async def test_a_commit_while_the_broker_is_away_ends_in_time(
    mock: MockKafka, producer: Producer, reader: KafkaReader
) -> None:
    await producer.publish(TOPIC, posts(0, 5))
    await read_all(reader, 5)
    mock.set_down()
    began = time.monotonic()
    await reader.commit({0: 5})
    assert time.monotonic() - began < COMMIT_SECONDS + 1
    mock.set_up()


async def test_a_group_whose_coordinator_moves_goes_on() -> None:
    with mock_kafka(brokers=3) as mock:
        mock.create_topic(TOPIC)
        producer = Producer(connect(mock.bootstrap.split(",")[0]))
        reader = KafkaReader(connect(mock.bootstrap.split(",")[0]), TOPIC, "g")
        mock.set_coordinator("g", 1)
        await reader.join()
        await producer.publish(TOPIC, posts(0, 2))
        await read_all(reader, 2)
        mock.set_coordinator("g", 2)
        await reader.commit({0: 2})
        await producer.publish(TOPIC, posts(2, 2))
        got = await read_all(reader, 2)
        assert got[-1].offset == 3
        await reader.leave()
        await producer.close()


async def test_a_slow_broker_is_slow_and_no_more(mock: MockKafka, producer: Producer, reader: KafkaReader) -> None:
    await producer.publish(TOPIC, posts(0, 1))
    mock.set_round_trip(700)
    await producer.publish(TOPIC, posts(1, 1))
    assert values(await read_all(reader, 2)) == [b'{"n":0}', b'{"n":1}']
    assert mock.count_requests()[api.PRODUCE] == 2


async def test_a_broker_that_names_no_topics_yet_is_waited_for(mock: MockKafka, producer: Producer) -> None:
    await producer.publish(TOPIC, posts(0, 5))
    reader = KafkaReader(connect(mock.bootstrap), TOPIC, "g")
    mock.set_topic_error(TOPIC, api.LEADER_NOT_AVAILABLE)
    asyncio.get_running_loop().call_later(1.0, mock.set_topic_error, TOPIC, 0)
    await reader.join()
    assert len(await read_all(reader, 5)) == 5
    await reader.leave()


async def test_a_group_that_was_given_nothing_for_want_of_metadata_sorts_itself_out(
    mock: MockKafka, producer: Producer, reader: KafkaReader
) -> None:
    await producer.publish(TOPIC, posts(0, 2))
    await read_all(reader, 2)
    assert reader._consumer is not None
    mock.set_topic_error(TOPIC, api.LEADER_NOT_AVAILABLE)
    await reader._consumer._client._client.force_metadata_update()
    mock.push_errors(api.HEARTBEAT, FATAL_TO_THE_GENERATION["rebalance"])

    async def given_nothing() -> bool:
        await reader.read(100)
        return reader._assigned == frozenset()

    await until(given_nothing, "an empty assignment")
    mock.set_topic_error(TOPIC, 0)
    await producer.publish(TOPIC, posts(2, 2))
    assert [record.offset for record in await read_all(reader, 4)] == [0, 1, 2, 3]


async def test_a_client_that_died_silently_is_replaced(kafka_bench: KafkaBench) -> None:
    connection = connect(kafka_bench.bootstrap, factor=12.0)
    reader = KafkaReader(connection, kafka_bench.topic, "g")
    await reader.join()
    await kafka_bench.stream.publish(kafka_bench.topic, posts(0, 1))
    await read_all(reader, 1)
    await reader.commit({0: 1})
    assert reader._consumer is not None
    dead = reader._consumer
    dead._client._fetcher._fetch_task.cancel()
    await kafka_bench.stream.publish(kafka_bench.topic, posts(1, 1))
    assert [r.offset for r in await read_all(reader, 1)] == [1]  # the fetch under way still brings this one
    await reader.commit({0: 2})
    await kafka_bench.stream.publish(kafka_bench.topic, posts(2, 1))
    assert [r.offset for r in await read_all(reader, 1)] == [2]
    assert reader._consumer is not dead
    await reader.leave()


def values_of(first: int, count: int) -> list[bytes]:
    return [record.value for record in posts(first, count)]


@pytest.fixture
async def proxied(kafka_broker: KafkaBroker) -> AsyncIterator[tuple[FaultProxy, KafkaBench]]:
    async with fault_proxy(kafka_broker.behind_port, kafka_broker.proxy_port) as proxy:
        bench = KafkaBench(f"127.0.0.1:{proxy.port}", clock=ScaledClock(QUICK))
        await bench.open(request_timeout=5.0)
        yield proxy, bench
        await proxy.set("pass")
        await bench.close()


@pytest.mark.kafka
@pytest.mark.parametrize("mode", ["refuse", "reset", "black_hole", "slow", "cut"])
async def test_what_the_network_does_costs_time_and_no_record(
    proxied: tuple[FaultProxy, KafkaBench], mode: Mode
) -> None:
    proxy, bench = proxied
    acknowledged = 0
    async with bench.stream.reader(bench.topic, "g") as reader:
        await bench.stream.publish(bench.topic, posts(0, 1))
        await read_all(reader, 1)
        proxy.delay, proxy.cut_after, before = 0.3, 10, proxy.fired
        await proxy.set(mode)
        healing = asyncio.get_running_loop().call_later(3.0, lambda: asyncio.ensure_future(proxy.set("pass")))
        while acknowledged < 3:
            try:
                await bench.stream.publish(bench.topic, posts(1 + acknowledged, 1))
                acknowledged += 1
            except Unavailable:
                await asyncio.sleep(0.1)
        healing.cancel()
        assert proxy.fired > before
        await proxy.set("pass")
        healed = time.monotonic()
        seen: set[bytes] = set()

        async def all_there() -> bool:
            try:
                seen.update(values(await reader.read(100)))
            except Unavailable:
                return False
            return seen >= set(values_of(1, 3))

        await until(all_there, "every acknowledged record")
        assert time.monotonic() - healed < 10


async def test_a_key_lands_where_other_clients_look_for_it() -> None:
    producer = Producer(connect("127.0.0.1:1"))
    # As Java's default partitioner places them, with 100 partitions.
    known = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    grouped = producer._by_partition([Outgoing(key, b"") for key in known], 100)
    assert {pairs[0][0].decode(): p for p, pairs in grouped.items()} == {
        key: (number & 0x7FFFFFFF) % 100 for key, number in known.items()
    }


async def test_records_larger_than_a_batch_go_each_in_a_batch_of_its_own(
    producer: Producer, reader: KafkaReader
) -> None:
    sent = [Outgoing("k", bytes([65 + n]) * (BATCH_BYTES + 1)) for n in range(2)] + [Outgoing("k", b"small")]
    await producer.publish(TOPIC, sent)
    assert values(await read_all(reader, 3)) == [value for _, value in sent]
