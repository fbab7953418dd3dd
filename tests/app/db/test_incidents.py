from __future__ import annotations

from datetime import timedelta

import pytest

from app.db import incidents
from app.db.incidents import IncidentFilter
from app.db.models import Audit
from app.db.session import Database
from tests.rows import NOON, incident_row, member_row, place, post_row, store, view


async def test_incidents_come_in_the_order_of_their_last_change(database: Database) -> None:
    await store(database, *(incident_row(number) for number in (30, 10, 20)))
    async with database.read() as session:
        assert [one.change_no for one in await incidents.after(session, 0, limit=2)] == [10, 20]
        assert [one.change_no for one in await incidents.newest(session, limit=2)] == [20, 30]
        found = await incidents.by_id(session, "i20")
        assert found is not None
        assert found.view == view(20)
        assert await incidents.by_id(session, "i99") is None


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (IncidentFilter(), [1, 2]),
        (IncidentFilter(exercise=True), [1, 2, 3]),
        (IncidentFilter(level="likely"), [2]),
        (IncidentFilter(kind="shelling"), [2]),
        (IncidentFilter(state="open"), [1]),
        (IncidentFilter(country="UA"), [2]),
        (IncidentFilter(since=NOON + timedelta(minutes=2)), [2]),
        (IncidentFilter(box=(35.0, 35.0, 37.0, 36.0)), [1]),
        (IncidentFilter(box=(170.0, 40.0, 40.0, 50.0)), [2]),
    ],
)
async def test_filters_narrow(database: Database, wanted: IncidentFilter, numbers: list[int]) -> None:
    other = view(2, kind="shelling", level="likely", state="dismissed", place=place(country="UA", lat=48.0, lon=37.8))
    await store(database, incident_row(1), incident_row(2, other), incident_row(3, exercise=True))
    async with database.read() as session:
        assert [one.change_no for one in await incidents.after(session, 0, limit=9, wanted=wanted)] == numbers


async def test_posts_of_an_incident_come_once_in_the_order_seen(database: Database) -> None:
    await store(
        database,
        incident_row(1),
        post_row("1", seen_at=NOON + timedelta(minutes=5)),
        post_row("2"),
        member_row("i1", "1"),
        member_row("i1", "1", role="denial", ordinal=1),
        member_row("i1", "2", role="aftermath"),
    )
    async with database.read() as session:
        posts = await incidents.posts_of(session, "i1")
    assert [(post.post_id, post.role) for post in posts] == [("x:2", "aftermath"), ("x:1", "report")]


async def test_actions_on_an_incident_are_told_oldest_first(database: Database) -> None:
    await store(
        database,
        Audit(id="2", at=NOON, who="ann", action="confirm", subject="i1", why="called", body="{}", change_no=2),
        Audit(id="1", at=NOON, who="bob", action="ack", subject="i1", why="", body="{}", change_no=1),
        Audit(id="3", at=NOON, who="bob", action="ack", subject="i2", why="", body="{}", change_no=3),
    )
    async with database.read() as session:
        assert [(one.who, one.action) for one in await incidents.actions_on(session, "i1")] == [
            ("bob", "ack"),
            ("ann", "confirm"),
        ]
