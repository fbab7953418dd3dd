"""A log, a spool on it, and a clock, for the tests of producers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from producers.spool import Spool, open_spool


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteLog]:
    async with open_sqlite_log(tmp_path / "log.db", SystemClock(), durable=False) as opened:
        yield opened


@pytest.fixture
async def spool(log: SqliteLog) -> AsyncIterator[Spool]:
    async with open_spool(log, SystemClock()) as opened:
        yield opened
