"""The desk's memory in the database: whatever was saved and loaded again decides as if it had never stopped."""

from __future__ import annotations

import random

import msgspec
import pytest
from sqlalchemy import func, select

from app.db.ledger import balance
from app.db.models import Alert, Delivery, Incident, Post, Spool
from app.db.session import Database
from app.domain.desk import DeskRules
from app.domain.incidents import view_of
from app.messages import AlertMessage, Item, Marks, PostType, SourceState
from tests.stored_desk import BOOK, OPTIONS, WATCHES, StoredDesk, random_records
from tests.wire import NOON, DeskInMemory, Wire, tags


async def stored_alerts(database: Database) -> list[AlertMessage]:
    async with database.read() as session:
        return list((await session.execute(select(Alert.body).order_by(Alert.seq))).scalars())


@pytest.mark.parametrize("seed", range(6))
async def test_desk_that_forgets_between_batches_decides_as_one_that_never_stops(database: Database, seed: int) -> None:
    records = random_records(seed)
    steady = DeskInMemory()
    steady.desk.rules = DeskRules(BOOK, OPTIONS, WATCHES)
    steady.feed(*records)
    chance = random.Random(seed)
    desk = StoredDesk(database)
    at = 0
    while at < len(records):
        size = chance.randint(1, 9)
        await desk.feed(records[at : at + size])
        at += size
        if chance.random() < 0.7:
            desk.forget()

    assert await stored_alerts(database) == steady.alerts
    async with database.read() as session:
        views = list((await session.execute(select(Incident.view))).scalars())
        law = await balance(session)
    assert sorted(views, key=lambda view: view.id) == sorted(steady.incidents(), key=lambda view: view.id)
    assert law.in_flight == 0
    assert law.received == 60


async def test_redelivered_topic_adds_no_row(database: Database) -> None:
    records = random_records(1)
    desk = StoredDesk(database)
    await desk.feed(records)
    async with database.read() as session:
        counts = [await session.scalar(select(func.count()).select_from(table)) for table in (Post, Incident, Alert)]
    desk.forget()
    await desk.feed(records)
    async with database.read() as session:
        again = [await session.scalar(select(func.count()).select_from(table)) for table in (Post, Incident, Alert)]
    assert again == counts


async def test_post_older_than_memory_finds_its_incident(database: Database) -> None:
    wire = Wire()
    desk = StoredDesk(database)
    await desk.feed([wire.item("1", 0), wire.item("2", 40 * 24 * 60)])
    desk.forget()
    await desk.feed([wire.item("3", 5, seen_after=NOON - NOON, said=tags())])
    async with database.read() as session:
        views = list((await session.execute(select(Incident.view).order_by(Incident.first_at))).scalars())
    assert [view.posts for view in views] == [("1", "3"), ("2",)]


async def test_alert_without_delivery_mark_gets_no_outbox_row(database: Database) -> None:
    wire = Wire()
    desk = StoredDesk(database)
    await desk.feed([wire.item("1", 0, marks=Marks(no_deliver=True))])
    await desk.feed([wire.item("2", 9 * 24 * 60)])
    async with database.read() as session:
        rows = list((await session.execute(select(Delivery))).scalars())
        alerts = await stored_alerts(database)
    assert {row.alert_id for row in rows} == {alerts[1].id}
    assert "slack" in {row.destination for row in rows}


async def test_deleted_post_keeps_no_text_in_any_revision(database: Database) -> None:
    wire = Wire()
    desk = StoredDesk(database)
    await desk.feed([wire.item("1", 0, text="a secret place"), wire.item("1", 1, text="another", type_=PostType.EDIT)])
    await desk.feed([wire.item("1", 2, type_=PostType.DELETE)])
    async with database.read() as session:
        post = (await session.execute(select(Post))).scalar_one()
        bodies = list((await session.execute(select(Incident.body))).scalars())
        heads = list((await session.execute(select(Spool))).scalars())
    assert post.text == ""
    assert post.deleted_at is not None
    assert heads == []
    assert "secret" not in "".join(bodies)


async def test_desk_that_forgot_knows_how_its_sources_were(database: Database) -> None:
    wire = Wire()
    desk = StoredDesk(database)
    await desk.feed([SourceState("x:author_1", "live", NOON), SourceState("x:author_2", "paused", NOON)])
    desk.forget()
    await desk.feed([wire.item("1", 0, "author_1"), SourceState("x:author_2", "live", NOON)])
    await desk.feed([wire.item("2", 5, "author_2")])
    assert [alert.reasons[-1] for alert in await stored_alerts(database)] == [
        "1 of 2 sources live",
        "2 of 2 sources live",
    ]


def test_view_of_every_loaded_incident_equals_the_stored_one() -> None:
    desk, wire = DeskInMemory(), Wire()
    items: list[Item] = [wire.item("1"), wire.item("1", 4, type_=PostType.DELETE)]
    desk.feed(*items)
    (incident,) = desk.state.incidents.values()
    again = msgspec.json.decode(msgspec.json.encode(incident), type=type(incident))
    assert view_of(again, None) == view_of(incident, None)


async def test_post_of_two_incidents_is_told_in_the_same_order_by_a_desk_that_forgot(database: Database) -> None:
    wire = Wire()
    desk = StoredDesk(database)
    both = tags(at=("jisr", "saraqib"))
    await desk.feed([wire.item("1", 0), wire.item("2", 1, said=tags(at=("saraqib",))), wire.item("3", 2, said=both)])
    orders = []
    for number in ("4", "5", "6"):
        desk.forget()
        await desk.feed([wire.item(number, 5, said=both)])
        before = len(await stored_alerts(database))
        desk.forget()
        await desk.feed([wire.item(number, 6, type_=PostType.DELETE)])
        orders.append([alert.incident for alert in (await stored_alerts(database))[before:]])
    assert all(order == sorted(order) and len(order) == 2 for order in orders)
