from __future__ import annotations

from datetime import timedelta

from app.db import meta
from app.db.session import Database
from tests.rows import NOON, alert_row, incident_row, offset_row, store


async def test_the_standing_of_a_new_database_is_nothing_yet(database: Database) -> None:
    async with database.read() as session:
        standing = await meta.standing(session)
    assert (standing.alert, standing.incident, standing.stored_at, standing.alerts_gone) == (0, 0, None, 0)
    assert len(standing.epoch) == 12
    assert standing.stale_since(NOON) is None


async def test_the_standing_tells_the_newest_numbers_and_when_anything_came(database: Database) -> None:
    await store(database, alert_row(7), alert_row(3), incident_row(9), offset_row(NOON))
    async with database.read() as session:
        standing = await meta.standing(session)
    assert (standing.alert, standing.incident, standing.stored_at) == (7, 9, NOON)
    assert standing.stale_since(NOON + timedelta(seconds=60)) is None
    assert standing.stale_since(NOON + timedelta(seconds=61)) == NOON


async def test_values_are_put_and_put_again(database: Database) -> None:
    async with database.write() as writing:
        await meta.put(writing, "config_hash", "one")
        await meta.put(writing, "config_hash", "two")
    async with database.read() as session:
        assert await meta.value(session, "config_hash") == "two"
        assert await meta.value(session, "none") is None


async def test_a_restored_database_gets_a_new_epoch(database: Database) -> None:
    async with database.read() as session:
        before = await meta.value(session, "epoch")
    async with database.write() as writing:
        after = await meta.new_epoch(writing)
    async with database.read() as session:
        assert await meta.value(session, "epoch") == after != before
