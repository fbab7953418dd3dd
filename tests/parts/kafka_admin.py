"""What tests do to a broker behind our back, with another client than ours: raw records, deleted records, changed topics."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

SECONDS = 20.0


def _admin(bootstrap: str) -> AdminClient:
    """Keep the client in a variable until its answer is there: it forgets its requests when it goes."""
    return AdminClient({"bootstrap.servers": bootstrap})


def create_topic(bootstrap: str, topic: str, partitions: int, **settings: str) -> None:
    """`settings` with underscores for dots: `retention_ms="1000"`."""
    config = {name.replace("_", "."): value for name, value in settings.items()}
    admin = _admin(bootstrap)
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(SECONDS)


def delete_topic(bootstrap: str, topic: str) -> None:
    admin = _admin(bootstrap)
    admin.delete_topics([topic])[topic].result(SECONDS)


def set_topic(bootstrap: str, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = _admin(bootstrap)
    admin.incremental_alter_configs([resource])[resource].result(SECONDS)


def delete_records(bootstrap: str, topic: str, before: int, partition: int = 0) -> None:
    """Delete what stands before offset `before`, as retention does."""
    admin = _admin(bootstrap)
    for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
        future.result(SECONDS)


def partitions(bootstrap: str, topic: str) -> int:
    return len(_admin(bootstrap).list_topics(topic, SECONDS).topics[topic].partitions)


def produce_raw(
    bootstrap: str, topic: str, records: Sequence[tuple[bytes | None, bytes | None]], partition: int = 0
) -> None:
    """Put records as they are on a topic: no key, no value (a tombstone), random bytes, 2 MB; the topic must allow their size."""
    producer = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 8_000_000, "linger.ms": 0})
    failures: list[object] = []
    for key, value in records:
        producer.produce(
            topic,
            value,
            key,
            partition=partition,
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
        producer.poll(0)
    if producer.flush(SECONDS) or failures:
        raise RuntimeError(f"the broker refused a record: {failures}")


def read_raw(bootstrap: str, topic: str, count: int) -> list[tuple[int, bytes | None, bytes | None]]:
    """Return `count` records of all partitions as (partition, key, value), read by another client than ours."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "raw", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions(bootstrap, topic))])
        found = consumer.consume(count, SECONDS)
        return [(message.partition() or 0, message.key(), message.value()) for message in found]
    finally:
        consumer.close()


def place(bootstrap: str, topic: str, keys: Sequence[bytes]) -> dict[bytes | None, int]:
    """Return the partition that librdkafka's form of Java's default partitioner gives each key; one record of each is produced."""
    placed: dict[bytes | None, int] = {}
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2"})

    def delivered(error: object, message: Message) -> None:
        if error is None:
            placed[message.key()] = message.partition() or 0

    for key in keys:
        producer.produce(topic, b"{}", key, on_delivery=delivered)
    producer.flush(SECONDS)
    return placed


def settings(bootstrap: str, topic: str) -> set[tuple[str, str]]:
    """Return a topic's settings as (name, value)."""
    admin = _admin(bootstrap)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    found = admin.describe_configs([resource])[resource].result(SECONDS)
    return {(name, entry.value) for name, entry in found.items()}
