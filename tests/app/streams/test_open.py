from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.streams.kafka_stream import KafkaStream
from app.streams.open import open_stream
from app.streams.sqlite_log import SqliteLog
from tests.app.streams.kafka_bench import kafka_settings


async def test_without_a_broker_the_log_stands_in_the_home(tmp_path: Path) -> None:
    settings = replace(kafka_settings("unused:1"), kafka=None, file=tmp_path / "log.db")
    async with open_stream(settings, SystemClock()) as stream:
        assert isinstance(stream, SqliteLog)
        await stream.ping()
    assert (tmp_path / "log.db").exists()


@pytest.mark.kafka
async def test_with_a_broker_it_is_kafka(kafka_url: str) -> None:
    settings = kafka_settings(kafka_url.removeprefix("kafka://"))
    async with open_stream(settings, SystemClock(), topics=()) as stream:
        assert isinstance(stream, KafkaStream)
        await stream.ping()
