from __future__ import annotations

import pytest

from app.db.clock import database_offset
from app.db.session import Database
from tests.parts.set_clock import SetClock


@pytest.mark.parametrize(("ahead_s", "tens"), [(0, 0), (612, 61), (-612, -61)])
async def test_a_database_on_a_server_has_a_clock_to_compare_ours_with(
    database: Database, database_url: str, ahead_s: float, tens: int
) -> None:
    async with database.read() as session:
        offset = await database_offset(session, SetClock(ahead_s))
    if database_url.startswith("sqlite"):
        assert offset is None  # it is a file: its clock is ours
    else:
        assert offset is not None
        assert round(offset / 10) == tens
