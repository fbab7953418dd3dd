"""Topics that cannot serve are refused at the start, with the command that mends them; each command is one that Kafka ships."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.clock import SystemClock
from app.errors import SettingsError
from app.streams.kafka import Connection
from app.streams.kafka_stream import open_kafka
from app.streams.kafka_topics import TopicCheck
from app.streams.topics import ALERTS, POSTS, TAGGED, TOPICS, Topic
from tests.app.streams.kafka_bench import kafka_settings
from tests.parts import kafka_admin

pytestmark = pytest.mark.kafka


@pytest.fixture
def bootstrap(kafka_url: str) -> str:
    return kafka_url.removeprefix("kafka://")


def fresh(partitions: int = 3) -> Topic:
    return Topic(f"watchdesk.test.{uuid4().hex[:12]}", "key", partitions, timedelta(days=7))


async def opens(bootstrap: str, *topics: Topic) -> None:
    async with open_kafka(kafka_settings(bootstrap), SystemClock(), topics):
        pass


async def test_missing_topics_are_made_as_the_table_says(bootstrap: str) -> None:
    one, two = fresh(3), fresh(1)
    await asyncio.gather(opens(bootstrap, one, two), opens(bootstrap, two, one))
    assert await asyncio.to_thread(kafka_admin.partitions, bootstrap, one.name) == 3
    assert await asyncio.to_thread(kafka_admin.partitions, bootstrap, two.name) == 1
    assert await asyncio.to_thread(kafka_admin.settings, bootstrap, one.name) >= {
        ("retention.ms", "604800000"),
        ("cleanup.policy", "delete"),
    }
    await opens(bootstrap, one, two)


def test_the_settings_say_how_many_partitions_posts_get() -> None:
    settings = kafka_settings("127.0.0.1:1", partitions=12)
    assert settings.kafka is not None
    check = TopicCheck(Connection(settings.kafka, SystemClock()), settings, TOPICS)
    assert {topic.name: topic.partitions for topic in check._topics} == {POSTS.name: 12, TAGGED.name: 1, ALERTS.name: 1}
    check._check_partitions(TAGGED, 1)
    with pytest.raises(SettingsError, match=r"2 partitions, one is needed.*kafka-topics.sh .*--delete"):
        check._check_partitions(TAGGED, 2)


def _few(bootstrap: str, name: str) -> None:
    kafka_admin.create_topic(bootstrap, name, 1)


def _compacted(bootstrap: str, name: str) -> None:
    kafka_admin.create_topic(bootstrap, name, 3, cleanup_policy="compact")


def _short(bootstrap: str, name: str) -> None:
    kafka_admin.create_topic(bootstrap, name, 3, retention_ms="3600000")


def _small(bootstrap: str, name: str) -> None:
    kafka_admin.create_topic(bootstrap, name, 3, max_message_bytes="100000")


@pytest.mark.parametrize(
    ("make", "fault", "command"),
    [
        (_few, "1 partitions", "kafka-topics.sh --bootstrap-server {} --alter --topic {} --partitions 3"),
        (
            _compacted,
            "compacted",
            "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {}",
        ),
        (_short, "for 1 h", "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {}"),
        (
            _small,
            "100000 bytes",
            "kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {}",
        ),
    ],
)
async def test_a_topic_that_cannot_serve_is_refused_with_the_command_that_mends_it(
    bootstrap: str, make: Callable[[str, str], None], fault: str, command: str
) -> None:
    topic = fresh()
    await asyncio.to_thread(make, bootstrap, topic.name)
    with pytest.raises(SettingsError) as refused:
        await opens(bootstrap, topic)
    assert fault in refused.value.detail
    assert command.format(bootstrap, topic.name) in refused.value.detail


async def test_more_partitions_than_asked_for_are_fine(bootstrap: str) -> None:
    topic = fresh(2)
    await asyncio.to_thread(kafka_admin.create_topic, bootstrap, topic.name, 5)
    await opens(bootstrap, topic)


async def test_a_broker_that_refuses_to_make_a_topic_is_quoted(bootstrap: str) -> None:
    topic = fresh()
    settings = kafka_settings(bootstrap, replication=3)
    with pytest.raises(SettingsError, match=r"replication.*kafka-topics.sh .*--create --topic"):
        async with open_kafka(settings, SystemClock(), [topic]):
            pass


async def test_retention_must_reach_back_over_three_backups(bootstrap: str) -> None:
    topic = fresh()
    await opens(bootstrap, topic)
    settings = replace(kafka_settings(bootstrap), backup_hours=24 * 10)
    with pytest.raises(SettingsError, match=r"retention.ms=2592000000"):
        async with open_kafka(settings, SystemClock(), [topic]):
            pass
    async with open_kafka(settings, SystemClock(), [fresh()]):
        pass
