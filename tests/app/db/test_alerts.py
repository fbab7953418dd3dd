from __future__ import annotations

from datetime import timedelta

from app.db import alerts, meta
from app.db.alerts import AlertFilter
from app.db.session import Database
from tests.rows import NOON, alert_row, message, store, view


async def test_alerts_come_in_the_order_of_their_numbers(database: Database) -> None:
    await store(database, *(alert_row(seq) for seq in (30, 10, 20)))
    async with database.read() as session:
        assert [one.seq for one in await alerts.after(session, 0, limit=2)] == [10, 20]
        assert [one.seq for one in await alerts.after(session, 20, limit=9)] == [30]
        assert [one.seq for one in await alerts.newest(session, limit=2)] == [20, 30]


async def test_what_was_stored_comes_back_whole(database: Database) -> None:
    said = message(7, headline="ضربة جوية قرب جسر الشغور", origins=("Ward", "Zenith"), quiet_days=None, post=None)
    await store(database, alert_row(7, said, view(7, level="likely")))
    async with database.read() as session:
        found = await alerts.by_id(session, "a7")
    assert found is not None
    assert (found.message, found.incident.level, found.stored_at) == (said, "likely", NOON + timedelta(minutes=7))


async def test_filters_narrow_and_exercises_stay_out(database: Database) -> None:
    await store(
        database,
        alert_row(1, message(1, watch="Idlib", level="likely")),
        alert_row(2),
        alert_row(3, exercise=True),
    )
    async with database.read() as session:
        assert [one.seq for one in await alerts.after(session, 0, limit=9)] == [1, 2]
        assert [one.seq for one in await alerts.after(session, 0, limit=9, wanted=AlertFilter(watch="Idlib"))] == [1]
        assert [one.seq for one in await alerts.newest(session, limit=9, wanted=AlertFilter(level="likely"))] == [1]
        assert [one.seq for one in await alerts.newest(session, limit=9, wanted=AlertFilter(exercise=True))] == [
            1,
            2,
            3,
        ]
        assert [one.seq for one in await alerts.after(session, 0, limit=9, wanted=AlertFilter(incident="i2"))] == [2]
        assert (await alerts.by_id(session, "a3")) is not None
        assert (await alerts.by_id(session, "nothing")) is None


async def test_forgetting_removes_a_beginning_and_says_up_to_where(database: Database) -> None:
    await store(database, *(alert_row(seq) for seq in (10, 20, 30)))
    async with database.write() as writing:
        assert await alerts.forget_before(writing, NOON) == 0
        assert await alerts.forget_before(writing, NOON + timedelta(minutes=21)) == 2
    async with database.read() as session:
        assert [one.seq for one in await alerts.after(session, 0, limit=9)] == [30]
        assert (await meta.standing(session)).alerts_gone == 20
