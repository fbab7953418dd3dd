from __future__ import annotations

import asyncio

from app.api.log_watch import LogWatch
from app.clock import ScaledClock, SystemClock
from app.streams.kafka_stream import open_kafka
from app.streams.memory import MemoryStream
from tests.app.streams.contract import until
from tests.app.streams.kafka_bench import kafka_settings
from tests.parts.child import free_port


async def test_a_log_that_answers_is_no_trouble() -> None:
    watch = LogWatch(MemoryStream(SystemClock()), ScaledClock(100))
    watch.trouble = "of before"
    looking = asyncio.create_task(watch.run())

    async def looked() -> bool:
        return watch.trouble is None

    await until(looked, "a look at the log")
    looking.cancel()


async def test_a_broker_that_is_away_is_named() -> None:
    port = free_port()
    async with open_kafka(kafka_settings(f"127.0.0.1:{port}"), SystemClock()) as stream:
        watch = LogWatch(stream, SystemClock())
        looking = asyncio.create_task(watch.run())

        async def told() -> bool:
            return f"127.0.0.1:{port}" in (watch.trouble or "")

        await until(told, "the trouble")
        looking.cancel()
