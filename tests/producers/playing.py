"""Runs a producer on a spool of its own and waits for what it should do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.clock import Clock
from app.domain.config import SourceConfig
from app.messages import Gap, Item, Post, PostType, SourceState
from app.outbound.targets import policy_of
from app.streams.sqlite_log import SqliteLog
from producers.port import Producer, Setup
from producers.runner import run_producer
from producers.spool import open_spool
from tests.producers.recording import of_type


def source(name: str, **options: Any) -> SourceConfig:
    return SourceConfig(id=name, owner=name, grade="B", options=options)


def setup(clock: Clock, *sources: SourceConfig, **section: Any) -> Setup:
    """What a producer gets in a test: loopback is allowed, and every variable holds the canary that the fakes want."""
    return Setup(
        sources=sources,
        section=section,
        secret=lambda variable: "canary-bearer-token" if variable else None,
        clock=clock,
        policy=policy_of(["127.0.0.0/8"], plain=True),
        home=Path("/nonexistent"),
    )


@asynccontextmanager
async def playing(producer: Producer, log: SqliteLog, clock: Clock) -> AsyncIterator[None]:
    """Run the producer while the block lasts; it must stop within 2 s of being cancelled."""
    async with open_spool(log, clock) as spool:
        task = asyncio.create_task(run_producer(producer, spool, clock))
        try:
            yield
        finally:
            task.cancel()
            async with asyncio.timeout(2):
                await asyncio.wait([task])


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 20) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def ids(log: SqliteLog) -> set[str]:
    """Return the ids of the posts that are in the spool, without their platform."""
    return {post.id.partition(":")[2] for post in await _posts(log) if post.type is not PostType.DELETE}


async def deleted(log: SqliteLog) -> set[str]:
    return {post.id.partition(":")[2] for post in await _posts(log) if post.type is PostType.DELETE}


async def states(log: SqliteLog, name: str) -> list[str]:
    """Return what the source said of itself, neighbours that say the same taken together."""
    said: list[str] = []
    for state in await of_type(log, SourceState):
        line = f"{state.state}: {state.detail}"
        if state.source == name and (not said or said[-1] != line):
            said.append(line)
    return said


async def open_gaps(log: SqliteLog) -> Mapping[tuple[str | None, Any, Any], Gap]:
    """Return the gaps that were not filled."""
    found: dict[tuple[str | None, Any, Any], Gap] = {}
    for gap in await of_type(log, Gap):
        if gap.filled:
            found.pop((gap.source, gap.start, gap.end), None)
        else:
            found[gap.source, gap.start, gap.end] = gap
    return found


async def _posts(log: SqliteLog) -> list[Post]:
    return [item.post for item in await of_type(log, Item) if item.post is not None]
