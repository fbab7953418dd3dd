from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from app.db.models import Audit, Source
from app.messages import IncidentView
from tests.app.api.desk import Desk
from tests.rows import NOON, alert_row, incident_row, member_row, message, place, post_row, store, view
from tests.stored_desk import StoredDesk
from tests.wire import Wire


async def number(desk: Desk, upto: int) -> None:
    async with desk.given.database.write() as writing:
        while await writing.change_no() < upto:
            pass


async def test_a_changed_incident_is_seen_again(desk: Desk) -> None:
    await number(desk, 3)
    await store(desk.given.database, *(incident_row(n) for n in (1, 2, 3)))
    first = await desk.get("/v1/incidents?limit=2")
    assert [item["id"] for item in first.body["items"]] == ["i1", "i2"]
    rest = await desk.get(f"/v1/incidents?limit=2&cursor={first.body['next']}")
    assert [item["id"] for item in rest.body["items"]] == ["i3"]
    async with desk.given.database.write() as writing:
        await writing.session.merge(incident_row(await writing.change_no(), view(1, level="likely")))
    again = await desk.get(f"/v1/incidents?cursor={rest.body['next']}")
    assert [(item["id"], item["level"]) for item in again.body["items"]] == [("i1", "likely")]


async def test_an_item_is_the_incident_as_everybody_gets_it(desk: Desk) -> None:
    said = view(1, place=place(name="جسر الشغور"), killed=(2, 4), related=("5",))
    await store(desk.given.database, incident_row(1, said))
    reply = await desk.get("/v1/incidents?start=newest")
    assert msgspec.convert(reply.body["items"][0], IncidentView) == said
    same = await desk.get("/v1/incidents?start=newest", {"If-None-Match": reply.headers["etag"]})
    assert same.status == 304


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("level=likely", ["i2"]),
        ("kind=shelling", ["i2"]),
        ("state=open", ["i1"]),
        ("country=UA", ["i2"]),
        ("since=2018-09-04T12:02:00Z", ["i2"]),
        ("since=2018-09-04T15:02:00%2B03:00", ["i2"]),
        ("bbox=36,35,37,36", ["i1"]),
        ("bbox=170,30,-170,40", []),
    ],
)
async def test_filters_narrow(sqlite_desk: Desk, query: str, ids: list[str]) -> None:
    other = view(2, kind="shelling", level="likely", state="dismissed", place=place(country="UA", lat=48.0, lon=37.8))
    await store(sqlite_desk.given.database, incident_row(1), incident_row(2, other), incident_row(3, exercise=True))
    reply = await sqlite_desk.get(f"/v1/incidents?{query}")
    assert [item["id"] for item in reply.body["items"]] == ids


@pytest.mark.parametrize(
    "query",
    [
        "kind=meteor", "state=gone", "country=Syria", "since=yesterday", "since=2018-09-04T12:00:00", "bbox=1,2,3", "bbox=1,2,3,x",
        "bbox=200,1,2,3", "bbox=1,9,2,3", "bbox=.,.,.,.", "format=xml", "limit=0",
    ],
)  # fmt: skip
async def test_filters_that_mean_nothing_are_422_and_named(sqlite_desk: Desk, query: str) -> None:
    reply = await sqlite_desk.get(f"/v1/incidents?{query}")
    assert (reply.status, reply.body["field"]) == (422, query.partition("=")[0])


async def test_geojson_is_served_to_who_asks(desk: Desk) -> None:
    await store(desk.given.database, incident_row(1))
    by_query = await desk.get("/v1/incidents?format=geojson")
    by_header = await desk.get("/v1/incidents", {"Accept": "application/geo+json"})
    assert by_query.headers["content-type"] == by_header.headers["content-type"] == "application/geo+json"
    assert by_query.body["features"] == by_header.body["features"]
    (feature,) = by_query.body["features"]
    assert by_query.body["type"] == "FeatureCollection"
    assert (feature["type"], feature["geometry"]) == ("Feature", {"type": "Point", "coordinates": [36.3213, 35.8146]})
    assert feature["properties"]["radius_km"] == 3.0
    assert feature["properties"]["incident"]["id"] == feature["id"] == "i1"


async def test_one_incident_shows_posts_alerts_and_actions(desk: Desk) -> None:
    await store(
        desk.given.database,
        incident_row(1),
        Source(id="x:quiet", owner="Quiet", grade="B", area=None, rights="reference", retired_at=None),
        post_row("1", text="قصف"),
        post_row("2", source="x:quiet", seen_at=NOON + timedelta(minutes=1)),
        post_row("3", seen_at=NOON + timedelta(minutes=2), deleted_at=NOON, text=""),
        member_row("i1", "1"),
        member_row("i1", "2"),
        member_row("i1", "3", role="denial"),
        alert_row(1, message(1)),
        Audit(id="1", at=NOON, who="ann", action="ack", subject="i1", why="called", body="{}", change_no=2),
    )
    reply = await desk.get("/v1/incidents/i1")
    shown = [(post["id"], post["role"], post["text"], bool(post["withheld"])) for post in reply.body["post_details"]]
    assert shown == [("x:1", "report", "قصف", False), ("x:2", "report", None, True), ("x:3", "denial", None, True)]
    assert [alert["id"] for alert in reply.body["alerts"]] == ["a1"]
    assert [(action["who"], action["why"]) for action in reply.body["actions"]] == [("ann", "called")]
    assert reply.body["origins"] == ["Ward"]
    assert (await desk.get("/v1/incidents/none")).status == 404


async def test_a_cursor_of_another_database_is_410(sqlite_desk: Desk) -> None:
    reply = await sqlite_desk.get("/v1/incidents?cursor=abcdef.1")
    assert (reply.status, reply.body["code"]) == (410, "foreign_cursor")


async def test_an_editor_acts_once_and_everyone_who_was_told_hears_of_it(desk: Desk) -> None:
    await StoredDesk(desk.given.database).feed([Wire().item("1", 0)])
    (incident,) = (await desk.get("/v1/incidents")).body["items"]
    path = f"/v1/incidents/{incident['id']}/actions"
    headers = {"Idempotency-Key": "press-1"}
    body = {"action": "dismiss", "why": "the video is from 2016"}
    first = await desk.ask("POST", path, json=body, headers=headers)
    assert (first.status, first.body["incident"]["state"]) == (200, "dismissed")
    assert [alert["step"] for alert in first.body["alerts"]] == ["withdrawn"]
    assert (await desk.ask("POST", path, json=body, headers=headers)).body == first.body
    again = await desk.ask("POST", path, json=body)
    assert (again.status, again.body["code"]) == (409, "action_conflict")
    shown = (await desk.get(f"/v1/incidents/{incident['id']}")).body
    assert [(one["who"], one["action"], one["why"]) for one in shown["actions"]] == [
        ("local", "dismiss", "the video is from 2016")
    ]
    assert [alert["step"] for alert in (await desk.get("/v1/alerts")).body["items"]] == ["first", "withdrawn"]


async def test_two_editors_at_once_do_it_once(desk: Desk) -> None:
    await StoredDesk(desk.given.database).feed([Wire().item("1", 0)])
    (incident,) = (await desk.get("/v1/incidents")).body["items"]
    path = f"/v1/incidents/{incident['id']}/actions"
    replies = await asyncio.gather(*(desk.ask("POST", path, json={"action": "confirm"}) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]


async def test_actions_that_do_not_exist_are_refused(sqlite_desk: Desk) -> None:
    assert (await sqlite_desk.ask("POST", "/v1/incidents/none/actions", json={"action": "confirm"})).status == 404
    for body in (
        {"action": "explode"},
        {},
        {"action": "mute", "hours": 0},
        {"action": "mute", "hours": 1e9},
        {"action": "ack", "x": 1},
    ):
        assert (await sqlite_desk.ask("POST", "/v1/incidents/none/actions", json=body)).status == 422
