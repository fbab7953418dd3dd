from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.db.inbox import hand_in, waiting
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.errors import Reason
from app.messages import Item
from app.streams.sqlite_log import SqliteLog
from producers.inbox import InboxProducer
from producers.runner import run_producer
from producers.spool import Spool
from tests.producers.recording import of_type


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    await upgrade(f"sqlite:///{tmp_path}/watchdesk.db")
    async with open_database(f"sqlite:///{tmp_path}/watchdesk.db", role="run") as opened:
        yield opened


async def hand(database: Database, line: str, *, exercise: bool = False) -> None:
    async with database.write() as writing:
        await hand_in(writing.session, line, SystemClock().now(), exercise=exercise)


async def left(database: Database) -> int:
    async with database.read() as session:
        return len(await waiting(session, limit=100))


async def test_what_was_handed_in_is_taken_into_the_spool_and_out_of_the_table(
    database: Database, log: SqliteLog, spool: Spool
) -> None:
    await hand(database, '{"id":"inbox:1","author":"night desk","text":"caller reports two blasts","exercise":true}')
    task = asyncio.create_task(run_producer(InboxProducer(database), spool, SystemClock()))
    try:
        async with asyncio.timeout(10):
            while await left(database):
                await asyncio.sleep(0.01)
            await hand(database, '{"id":"inbox:2","author":"drill","text":"drill"}', exercise=True)
            await hand(database, "not a post")
            while await left(database):
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.wait([task])
    first, second, third = await of_type(log, Item)
    assert first.post is not None
    assert (first.post.id, first.source, first.marks.exercise) == ("inbox:1", "inbox:night desk", False)
    assert second.marks.exercise
    assert third.quarantined is not None
    assert third.quarantined.reason is Reason.BAD_JSON
