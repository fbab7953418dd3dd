from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from app.db import alerts, meta, outbox
from app.db.alerts import AlertFilter
from app.db.models import Attempt, Delivery
from app.db.outbox import AttemptMade, outbox_rows
from app.db.session import Database
from app.domain.deliveries import delivery_id
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


async def test_forgetting_goes_in_chunks_and_a_poll_after_the_last_one_is_no_expired_one(database: Database) -> None:
    await store(database, *(alert_row(seq) for seq in (10, 20, 30)))
    late = NOON + timedelta(days=9)
    async with database.write() as writing:
        assert await alerts.forget_before(writing, late, limit=2) == 2
        assert await alerts.forget_before(writing, late, limit=2) == 1
        assert await alerts.forget_before(writing, late, limit=2) == 0
    async with database.read() as session:
        standing = await meta.standing(session)
    assert (standing.alert, standing.alerts_gone) == (30, 30)


async def test_a_clock_that_once_stood_years_back_takes_no_alert_before_its_time(database: Database) -> None:
    then = NOON - timedelta(days=4000)
    await store(database, alert_row(10), alert_row(20, stored_at=then), alert_row(30), alert_row(40, stored_at=then))
    async with database.write() as writing:
        assert await alerts.forget_before(writing, NOON) == 0
        assert await alerts.forget_before(writing, NOON + timedelta(minutes=11)) == 2


async def test_what_has_to_leave_yet_is_kept_and_what_left_goes_with_its_attempts(database: Database) -> None:
    await store(database, *(alert_row(seq) for seq in (10, 20, 30)))
    async with database.write() as writing:
        for seq in (10, 20, 30):
            for row in outbox_rows(message(seq), ["a", "b"], NOON):
                writing.session.add(Delivery(**row))
        await outbox.enqueue_notice(writing.session, "a line about ourselves", ["a"], NOON)
    late = NOON + timedelta(days=9)
    ended = [delivery_id(name, f"a{seq}") for name in ("a", "b") for seq in (10, 20)]
    async with database.write() as writing:
        assert await alerts.forget_before(writing, late) == 0
        await outbox.record(writing, ended, AttemptMade(NOON, "delivered", "", 0.1))
        await outbox.settle(writing, ended, outbox.DELIVERED, "", NOON)
        assert await alerts.forget_before(writing, late) == 2
        assert await outbox.replay(writing, late, destination="a", delivered=True) == 0
    async with database.read() as session:
        left = set((await session.execute(select(Delivery.alert_id))).scalars())
        assert left == {"a30", ""}
        assert await session.scalar(select(func.count()).select_from(Attempt)) == 0
        assert len(await outbox.load(session, [delivery_id("a", "a30")])) == 1
