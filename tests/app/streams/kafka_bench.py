"""The Kafka adapter under test: settings with short times, a topic of its own, and the broker's tools."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.clock import Clock, SystemClock
from app.streams.kafka_stream import KafkaStream, open_kafka
from app.streams.settings import KafkaSettings, StreamSettings
from app.streams.topics import Topic
from tests.parts import kafka_admin

SESSION_SECONDS = 2.0


def kafka_settings(bootstrap: str, **changes: Any) -> StreamSettings:
    kafka = KafkaSettings(
        bootstrap=(bootstrap,),
        security_protocol="PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        username="",
        password=None,
        ca_file=None,
        compression="none",
        session_timeout=SESSION_SECONDS,
        heartbeat=0.3,
        request_timeout=5.0,
        replication=1,
        partitions=6,
    )
    return StreamSettings(
        url=f"kafka://{bootstrap}",
        file=Path("/nowhere/log.db"),
        kafka=replace(kafka, **changes),
        retention_days=7,
        backup_hours=24,
    )


class KafkaBench:
    """See `contract.Bench`."""

    def __init__(self, bootstrap: str, partitions: int = 1, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.bootstrap = bootstrap
        self.topic = f"watchdesk.test.{uuid4().hex[:12]}"
        self.topics: Sequence[Topic] = (Topic(self.topic, "key", partitions, timedelta(days=7)),)
        self.stream: KafkaStream
        self._stack = AsyncExitStack()

    async def open(self, **changes: Any) -> None:
        self.stream = await self._stack.enter_async_context(self.again(**changes))

    def again(self, **changes: Any) -> AbstractAsyncContextManager[KafkaStream]:
        return open_kafka(kafka_settings(self.bootstrap, **changes), self._clock, self.topics)

    async def close(self) -> None:
        await self._stack.aclose()

    async def drop_before(self, offset: int) -> None:
        await asyncio.to_thread(kafka_admin.delete_records, self.bootstrap, self.topic, offset)
