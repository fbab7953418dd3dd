"""Streams for the tests of the adapters: a topic of its own for each test, on one broker for all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.app.streams.kafka_bench import KafkaBench


@pytest.fixture
async def kafka_bench(kafka_url: str) -> AsyncIterator[KafkaBench]:
    bench = KafkaBench(kafka_url.removeprefix("kafka://"))
    await bench.open()
    yield bench
    await bench.close()
