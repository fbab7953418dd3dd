"""The API on a real server and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from app.clock import Clock, SystemClock
from app.db.session import Database, open_database
from tests.app.api.desk import Desk, desk_on


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
async def desk(database: Database, clock: Clock) -> AsyncIterator[Desk]:
    """The API on SQLite and on PostgreSQL."""
    async with desk_on(database, clock) as running:
        yield running


@pytest.fixture
async def sqlite_desk(sqlite_url: str, clock: Clock) -> AsyncIterator[Desk]:
    """The API on SQLite only, where the database makes no difference."""
    async with open_database(sqlite_url, role="run") as database, desk_on(database, clock) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
