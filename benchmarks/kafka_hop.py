"""What a post costs on its way through a real Apache Kafka: our adapter beside confluent-kafka, taking turns in one run.

    python -m benchmarks.kafka_hop [--posts 80000] [--rounds 5] [--bytes 2000]

Both sides do the same job: write one keyed record a post with acks=all, in batches of 500 whose every acknowledgement is awaited and looked
at, and read all of it back as records with topic, partition, offset, key, value and time. The figure is the client's own CPU (all its
threads) a post, joining the group included. Rounds alternate, so a machine that slows down slows both; the medians are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import confluent_kafka

from app.clock import SystemClock
from app.streams.kafka_stream import open_kafka
from app.streams.port import Outgoing, StreamRecord
from app.streams.topics import Topic
from tests.app.streams.kafka_bench import kafka_settings
from tests.parts import kafka_admin
from tests.parts.kafka_broker import KafkaBroker

PARTITIONS = 6
SOURCES = 200
BATCH = 500  # posts a publish and a read, as the stages work
GROUP = "hop"


@dataclass
class Figures:
    """Of one client: microseconds of CPU and posts a second, a value a round."""

    produce: list[float] = field(default_factory=list)
    consume: list[float] = field(default_factory=list)
    produce_rate: list[float] = field(default_factory=list)
    consume_rate: list[float] = field(default_factory=list)

    @property
    def hop(self) -> float:
        return statistics.median(self.produce) + statistics.median(self.consume)


def draw_posts(count: int, size: int) -> list[Outgoing]:
    """Make posts that a compressor would not find trivial, of `size` bytes each."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(5_000)]
    made = []
    for number in range(count):
        text = " ".join(chance.choices(words, k=size // 6))
        value = (f'{{"t":"item","n":{number},"text":"' + text)[: size - 2] + '"}'
        made.append(Outgoing(f"x:source{chance.randrange(SOURCES)}", value.encode()))
    return made


async def timed(work: Callable[[], Coroutine[Any, Any, None]], posts: int) -> tuple[float, float]:
    """Return (microseconds of CPU a post, posts a second)."""
    cpu, began = time.process_time(), time.perf_counter()
    await work()
    return (time.process_time() - cpu) / posts * 1e6, posts / (time.perf_counter() - began)


async def round_of_ours(bootstrap: str, posts: list[Outgoing], figures: Figures, compression: str) -> None:
    topic = Topic(f"hop.{uuid4().hex[:8]}", "source", PARTITIONS, timedelta(days=7))
    settings = kafka_settings(bootstrap, compression=compression)
    async with open_kafka(settings, SystemClock(), [topic]) as stream:
        await stream.publish(topic.name, [])

        async def produce() -> None:
            for start in range(0, len(posts), BATCH):
                await stream.publish(topic.name, posts[start : start + BATCH])

        cpu, rate = await timed(produce, len(posts))
        figures.produce.append(cpu)
        figures.produce_rate.append(rate)

        async def consume() -> None:
            left = len(posts)
            async with stream.reader(topic.name, GROUP) as reader:
                while left:
                    got = await reader.read(BATCH)
                    left -= len(got)
                    if not got:
                        await reader.wait(0.2)

        cpu, rate = await timed(consume, len(posts))
        figures.consume.append(cpu)
        figures.consume_rate.append(rate)


async def round_of_confluent(bootstrap: str, posts: list[Outgoing], figures: Figures, compression: str) -> None:
    """The same job: batches of BATCH whose every acknowledgement is awaited and looked at; records with the fields that a stage uses."""
    topic = f"hop.{uuid4().hex[:8]}"
    kafka_admin.create_topic(bootstrap, topic, PARTITIONS)
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "batch.size": 512 * 1024,
            "partitioner": "murmur2",
            "compression.type": compression,
        }
    )
    failed: list[confluent_kafka.KafkaError] = []

    def acknowledged(error: confluent_kafka.KafkaError | None, _: confluent_kafka.Message) -> None:
        if error is not None:
            failed.append(error)

    async def produce() -> None:
        for start in range(0, len(posts), BATCH):
            for key, value in posts[start : start + BATCH]:
                producer.produce(topic, value, key, on_delivery=acknowledged)
            producer.flush()
            assert not failed

    cpu, rate = await timed(produce, len(posts))
    figures.produce.append(cpu)
    figures.produce_rate.append(rate)
    settings = {
        "group.id": GROUP + topic,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "check.crcs": True,
    }

    async def consume() -> None:
        consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, **settings})
        consumer.subscribe([topic])
        left = len(posts)
        while left:
            left -= len([record_of(message) for message in consumer.consume(BATCH, 0.2)])
        consumer.close()

    cpu, rate = await timed(consume, len(posts))
    figures.consume.append(cpu)
    figures.consume_rate.append(rate)


def record_of(message: confluent_kafka.Message) -> StreamRecord:
    key, value = message.key() or b"", message.value() or b""
    place, offset = message.partition() or 0, message.offset() or 0
    return StreamRecord(message.topic() or "", place, offset, key.decode(), value, message.timestamp()[1] / 1000)


def show(name: str, figures: Figures) -> None:
    def spread(values: list[float]) -> str:
        return f"{statistics.median(values):6.1f} ({min(values):.1f}-{max(values):.1f})"

    print(
        f"{name:<16} produce {spread(figures.produce)} us, {statistics.median(figures.produce_rate) / 1e3:5.0f}k/s;"
        f"  consume {spread(figures.consume)} us, {statistics.median(figures.consume_rate) / 1e3:5.0f}k/s;"
        f"  hop {figures.hop:5.1f} us CPU a post"
    )


async def compare(posts: int, rounds: int, size: int, compression: str) -> float:
    """Run both in turns on one broker, print the figures and return ours divided by confluent-kafka's."""
    broker = KafkaBroker(warm=True, heap_mb=512)
    sent = draw_posts(posts, size)
    ours, confluent = Figures(), Figures()
    try:
        broker.start()
        for number in range(rounds + 1):
            into = (ours, confluent) if number else (Figures(), Figures())  # the first round warms the broker
            await round_of_ours(broker.bootstrap, sent, into[0], compression)
            await round_of_confluent(broker.bootstrap, sent, into[1], compression)
    finally:
        broker.close()
    print(
        f"{posts} posts of {size} bytes, {PARTITIONS} partitions, acks=all, compression {compression}, {rounds} rounds"
    )
    show("watchdesk", ours)
    show("confluent-kafka", confluent)
    ratio = ours.hop / confluent.hop
    print(f"ratio of the hop: {ratio:.2f}")
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=80_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bytes", type=int, default=2_000)
    parser.add_argument("--compression", choices=("none", "zstd"), default="none")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    asyncio.run(compare(given.posts, given.rounds, given.bytes, given.compression))


if __name__ == "__main__":
    main()
