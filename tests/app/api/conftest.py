"""The API on a real server and a real database."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import structlog

from app.clock import Clock, SystemClock
from app.db.session import Database, open_database
from app.telemetry.logging import configure_logging
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


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """As an entry point would set it: without it each traceback is drawn with all its variables, which takes seconds."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging(form="json")
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
