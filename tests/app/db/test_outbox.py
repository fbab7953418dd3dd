from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.db import outbox
from app.db.alerts import forget_before
from app.db.models import Delivery
from app.db.outbox import AttemptMade, outbox_rows
from app.db.session import Database
from app.db.upsert import insert_new
from app.domain.deliveries import TOPIC, delivery_id, routes
from app.domain.exercises import NOWHERE
from app.messages import AlertMessage
from tests.rows import NOON, alert_row, message, store

MINUTE = timedelta(minutes=1)


async def enqueue(
    database: Database, alerts: Sequence[AlertMessage], destination: str = "a", *, start: int = 1
) -> None:
    for number, alert in enumerate(alerts, start):
        async with database.write() as writing:
            writing.session.add(alert_row(number, alert))
            await writing.session.flush()
            await insert_new(writing.session, Delivery, outbox_rows(alert, [destination], alert.created_at), ["id"])


async def rows(database: Database) -> dict[str, Delivery]:
    async with database.read() as session:
        return {row.alert_id: row for row in (await session.execute(select(Delivery))).scalars()}


def test_alerts_go_where_the_watch_says_or_everywhere_and_to_the_topic() -> None:
    assert routes(["a"], ["a", "b"]) == ("a", TOPIC)
    assert routes([], ["a", "b"]) == ("a", "b", TOPIC)
    assert routes([], []) == (TOPIC,)
    assert routes(["gone"], ["a"]) == ("gone", TOPIC)  # kept, so that the sender can say so
    assert routes([], ["a"], exercise=True) == ("a",)
    assert routes([NOWHERE], ["a"]) == (NOWHERE,)


async def test_an_alert_decided_twice_stands_in_the_outbox_once(database: Database) -> None:
    await enqueue(database, [message(1)])
    async with database.write() as writing:
        await outbox.settle(writing, [delivery_id("a", "a1")], outbox.DELIVERED, "", NOON)
        await insert_new(writing.session, Delivery, outbox_rows(message(1), ["a"], NOON), ["id"])
    assert (await rows(database))["a1"].state == "delivered"


async def test_a_lease_hides_a_row_until_it_has_run_out(database: Database) -> None:
    await enqueue(database, [message(1), message(2)])
    later = NOON + 5 * MINUTE
    async with database.write() as writing:
        due = await outbox.due(writing.session, "a", later, limit=9)
        assert [row.order for row in due] == [2, 1]  # the fresh one first
        await outbox.claim(writing, [due[0].id], owner="me", until=later + MINUTE)
    async with database.read() as session:
        assert len(await outbox.due(session, "a", later, limit=9)) == 1
        assert len(await outbox.due(session, "a", later + MINUTE, limit=9)) == 2
        assert (await outbox.backlog(session, later))["a"] == (1, 2, NOON + MINUTE)


async def test_the_most_severe_is_due_first(database: Database) -> None:
    steps = [
        message(1, level="confirmed"),
        message(2, step="withdrawn"),
        message(3, level="likely"),
        message(4),
    ]
    await enqueue(database, steps)
    async with database.read() as session:
        assert [row.order for row in await outbox.due(session, "a", NOON + 9 * MINUTE, limit=9)] == [2, 1, 3, 4]


async def test_every_attempt_is_written_down_with_its_number(database: Database) -> None:
    await enqueue(database, [message(1), message(2)])
    ids = [delivery_id("a", "a1"), delivery_id("a", "a2")]
    for outcome, taken in (("failed", ids), ("delivered", ids[:1])):
        async with database.write() as writing:
            await outbox.record(writing, taken, AttemptMade(NOON, outcome, "x" * 9000, 0.5))
    async with database.read() as session:
        first = await outbox.attempts(session, ids[0])
        assert [(one.number, one.outcome, len(one.detail)) for one in first] == [
            (1, "failed", 500),
            (2, "delivered", 500),
        ]
        assert len(await outbox.attempts(session, ids[1])) == 1


async def test_what_has_ended_does_not_end_again(database: Database) -> None:
    await enqueue(database, [message(1)])
    one = delivery_id("a", "a1")
    async with database.write() as writing:
        await outbox.settle(writing, [one], outbox.DELIVERED, "C1:1", NOON)
        await outbox.settle(writing, [one], outbox.CANCELLED, "no", NOON)
        await outbox.put_off(writing, [one], NOON + MINUTE, "no")
        assert await outbox.cancel_all(writing, "a", "gone", NOON) == 0
    row = (await rows(database))["a1"]
    assert (row.state, row.detail, row.ended_at) == ("delivered", "C1:1", NOON)


async def test_what_never_arrived_is_sent_again_and_all_of_it_on_request(database: Database) -> None:
    await enqueue(database, [message(number) for number in range(1, 5)])
    ends = ((1, outbox.DELIVERED), (2, outbox.EXPIRED), (3, outbox.CANCELLED))
    async with database.write() as writing:
        for number, state in ends:
            await outbox.settle(writing, [delivery_id("a", f"a{number}")], state, "", NOON)
    async with database.write() as writing:
        assert await outbox.replay(writing, NOON, destination="a", since=NOON + 3 * MINUTE) == 1
        assert await outbox.replay(writing, NOON, destination="b", since=NOON) == 0
        assert await outbox.replay(writing, NOON, destination="a", since=NOON) == 1
        assert await outbox.replay(writing, NOON, delivery=delivery_id("a", "a1")) == 1
        assert await outbox.replay(writing, NOON, since=NOON, delivered=True) == 0
    assert {row.state for row in (await rows(database)).values()} == {"pending"}


async def test_what_works_again_is_due_at_once_save_what_is_being_sent(database: Database) -> None:
    await enqueue(database, [message(1), message(2)])
    ids = [delivery_id("a", "a1"), delivery_id("a", "a2")]
    async with database.write() as writing:
        await outbox.put_off(writing, ids, NOON + 99 * MINUTE, "HTTP 500")
        await outbox.claim(writing, ids[:1], owner="me", until=NOON + 99 * MINUTE)
        await outbox.pull_forward(writing, "a", NOON)
    async with database.read() as session:
        assert [row.id for row in await outbox.due(session, "a", NOON, limit=9)] == ids[1:]


async def test_what_a_wrong_clock_dated_is_dated_anew_and_due_save_what_is_being_sent(database: Database) -> None:
    await enqueue(database, [message(number) for number in (1, 2, 3, 99)])  # each stored in its minute
    leased = delivery_id("a", "a2")
    async with database.write() as writing:
        await outbox.claim(writing, [leased], owner="me", until=NOON + 9 * MINUTE)
        await outbox.settle(writing, [delivery_id("a", "a1")], outbox.DELIVERED, "", NOON)
        await outbox.date_anew(writing, NOON + 3 * MINUTE, NOON + 60 * MINUTE, NOON + 50 * MINUTE)
    found = await rows(database)
    dated = {name: (row.created_at - NOON, row.next_at - NOON) for name, row in found.items()}
    assert dated == {
        "a1": (MINUTE, MINUTE),
        "a2": (50 * MINUTE, 9 * MINUTE),
        "a3": (3 * MINUTE, 3 * MINUTE),
        "a99": (50 * MINUTE, 50 * MINUTE),
    }


async def test_what_waits_beyond_a_time_is_freed_and_a_lease_within_a_minute(database: Database) -> None:
    await enqueue(database, [message(number) for number in (1, 2, 3)])
    waiting, leased, other = (delivery_id("a", f"a{number}") for number in (1, 2, 3))
    async with database.write() as writing:
        await outbox.put_off(writing, [waiting], NOON + 999 * MINUTE, "HTTP 500")
        await outbox.claim(writing, [leased], owner="me", until=NOON + 999 * MINUTE)
        await outbox.put_off(writing, [other], NOON + 15 * MINUTE, "HTTP 500")
        await outbox.free(writing, NOON + 10 * MINUTE, beyond=NOON + 20 * MINUTE)
    assert {name: (row.next_at - NOON) / MINUTE for name, row in (await rows(database)).items()} == {
        "a1": 10,
        "a2": 11,
        "a3": 15,
    }


async def test_expiry_counts_by_destination(database: Database) -> None:
    await enqueue(database, [message(1), message(9)])
    async with database.write() as writing:
        assert await outbox.expire(writing, NOON + 5 * MINUTE, NOON) == {"a": 1}
    assert {name: row.state for name, row in (await rows(database)).items()} == {"a1": "expired", "a9": "pending"}


async def test_what_a_destination_was_told_before_is_found(database: Database) -> None:
    steps = [message(1, id=name, step=name) for name in ("first", "promoted", "withdrawn")]
    await enqueue(database, steps)
    async with database.read() as session:
        assert await outbox.told_before(session, "a", "i1", 3) is None
        assert await outbox.owed_before(session, "a", "i1", 3)
        assert not await outbox.owed_before(session, "a", "i1", 1)
        assert not await outbox.owed_before(session, "b", "i1", 3)
    async with database.write() as writing:
        await outbox.settle(writing, [delivery_id("a", "first")], outbox.DELIVERED, "", NOON)
        await outbox.settle(writing, [delivery_id("a", "promoted")], outbox.CANCELLED, "", NOON)
    async with database.read() as session:
        told = await outbox.told_before(session, "a", "i1", 3)
    assert told is not None
    assert told.id == "i1"


async def test_a_withdrawal_reaches_those_of_whom_nobody_knows_any_longer_what_they_were_told(
    database: Database,
) -> None:
    await enqueue(database, [message(1, id=name, step=name) for name in ("first", "withdrawn")])
    await enqueue(database, [message(2, id="other", incident="i1", watch="other")], start=3)
    async with database.write() as writing:
        await outbox.settle(writing, [delivery_id("a", "first")], outbox.CANCELLED, "below the minimum level", NOON)
    async with database.read() as session:
        assert not await outbox.owed_before(session, "a", "i1", 2)
    async with database.write() as writing:
        assert await forget_before(writing, NOON + 99 * MINUTE) == 1
    async with database.read() as session:
        assert await outbox.owed_before(session, "a", "i1", 2)
        assert not await outbox.owed_before(session, "b", "i1", 3)  # a first one: nobody was told before


async def test_thousands_of_rows_are_handled_in_parts(database: Database) -> None:
    async with database.write() as writing:
        many = [row for number in range(1200) for row in outbox_rows(message(number), ["a"], NOON)]
        await insert_new(writing.session, Delivery, many[:600], ["id"])
        await insert_new(writing.session, Delivery, many[600:], ["id"])
        ids = [str(row["id"]) for row in many]
        await outbox.claim(writing, ids, owner="me", until=NOON)
        await outbox.record(writing, ids, AttemptMade(NOON, "delivered", "", 0.1))
        await outbox.settle(writing, ids, outbox.DIGESTED, "", NOON)
    assert {(row.state, row.attempts) for row in (await rows(database)).values()} == {("digested", 1)}


async def test_a_notice_is_a_row_without_an_alert(database: Database) -> None:
    async with database.write() as writing:
        (one,) = await outbox.enqueue_notice(writing.session, "it works", ["a"], NOON)
    async with database.read() as session:
        loaded = (await outbox.load(session, [one]))[one]
    assert (loaded.notice, loaded.alert, loaded.seq) == ("it works", None, 0)
    await store(database, alert_row(1))
