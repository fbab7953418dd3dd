from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from app.clock import SystemClock
from app.streams.memory import MemoryStream, open_memory
from app.streams.port import Stream
from tests.app.streams.contract import Bench, StreamContract


class MemoryBench:
    topic = "watchdesk.test"

    def __init__(self, stream: MemoryStream) -> None:
        self.stream: MemoryStream = stream

    def again(self) -> AbstractAsyncContextManager[Stream]:
        raise AssertionError("memory does not outlive its process")

    async def close(self) -> None:
        """Nothing to close."""

    async def drop_before(self, offset: int) -> None:
        await self.stream.save_offset(self.topic, "keeper", offset)
        await self.stream.expire(SystemClock().now() + timedelta(days=8), hold_for=("keeper",))


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with open_memory(SystemClock()) as stream:
        yield MemoryBench(stream)


class TestMemoryStream(StreamContract):
    pass
