from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest

from app.clock import Clock
from app.db import alerts, meta
from app.db.session import Database
from app.messages import AlertMessage
from tests.app.api.desk import Desk, desk_on
from tests.rows import NOON, alert_row, message, offset_row, store, view


async def number(desk: Desk, upto: int) -> None:
    """Draw numbers as the desk would have."""
    async with desk.given.database.write() as writing:
        while await writing.change_no() < upto:
            pass


async def keep(desk: Desk, *seqs: int) -> None:
    await number(desk, max(seqs))
    await store(desk.given.database, *(alert_row(seq) for seq in seqs))


async def test_polling_follows_next_without_gap_or_repeat(desk: Desk) -> None:
    await keep(desk, *range(1, 8))
    seen: list[str] = []
    path = "/v1/alerts?limit=3"
    while True:
        reply = await desk.get(path)
        assert reply.status == 200
        seen += [item["id"] for item in reply.body["items"]]
        assert f"cursor={reply.body['next']}" in reply.headers["link"]
        assert 'rel="next"' in reply.headers["link"]
        if not reply.body["more"]:
            break
        path = f"/v1/alerts?limit=3&cursor={reply.body['next']}"
    assert seen == [f"a{seq}" for seq in range(1, 8)]
    await keep(desk, 8)
    later = await desk.get(f"/v1/alerts?cursor={reply.body['next']}")
    assert [item["id"] for item in later.body["items"]] == ["a8"]


async def test_an_item_is_the_alert_as_everybody_gets_it(desk: Desk) -> None:
    said = message(1, headline="ضربة جوية قرب جسر الشغور", reasons=("أول تقرير",))
    await number(desk, 1)
    await store(desk.given.database, alert_row(1, said))
    reply = await desk.get("/v1/alerts")
    assert msgspec.convert(reply.body["items"][0], AlertMessage) == said
    assert reply.body["demo"] is False


async def test_an_unchanged_listing_is_304(desk: Desk) -> None:
    await keep(desk, 1)
    first = await desk.get("/v1/alerts")
    again = await desk.get("/v1/alerts", {"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await keep(desk, 2)
    changed = await desk.get("/v1/alerts", {"If-None-Match": first.headers["etag"]})
    assert changed.status == 200
    assert len(changed.body["items"]) == 2


async def test_the_newest_come_first_for_who_asks(desk: Desk) -> None:
    await keep(desk, *range(1, 6))
    reply = await desk.get("/v1/alerts?start=newest&limit=2")
    assert [item["id"] for item in reply.body["items"]] == ["a4", "a5"]
    assert (await desk.get(f"/v1/alerts?cursor={reply.body['next']}")).body["items"] == []


async def test_filters_narrow_and_stay_in_the_link(desk: Desk) -> None:
    await number(desk, 3)
    await store(
        desk.given.database,
        alert_row(1, message(1, watch="Idlib strikes")),
        alert_row(2, message(2, level="likely")),
        alert_row(3, exercise=True),
    )
    reply = await desk.get("/v1/alerts?watch=Idlib%20strikes")
    assert [item["id"] for item in reply.body["items"]] == ["a1"]
    assert "watch=Idlib+strikes" in reply.headers["link"]
    assert [item["id"] for item in (await desk.get("/v1/alerts?level=likely")).body["items"]] == ["a2"]
    assert [item["id"] for item in (await desk.get("/v1/alerts?incident=i1")).body["items"]] == ["a1"]
    assert len((await desk.get("/v1/alerts")).body["items"]) == 2


@pytest.mark.parametrize(
    "cursor",
    [
        "abc",
        "-1",
        "1",
        "9223372036854775808",
        "abcd.-1",
        "abcd.9223372036854775808",
        "%00",
        "abcd.1%0a",
        "ABCD.1",
        "abcd.١",
    ],
)
async def test_what_is_no_cursor_is_400(sqlite_desk: Desk, cursor: str) -> None:
    reply = await sqlite_desk.get(f"/v1/alerts?cursor={cursor}")
    assert (reply.status, reply.body["code"], reply.body["field"]) == (400, "bad_cursor", "cursor")


async def test_a_cursor_that_would_leave_a_gap_is_410_with_the_oldest_that_works(desk: Desk) -> None:
    await keep(desk, 10, 20, 30)
    first = await desk.get("/v1/alerts?limit=1")
    async with desk.given.database.write() as writing:
        await alerts.forget_before(writing, NOON + timedelta(minutes=21))
    reply = await desk.get(f"/v1/alerts?cursor={first.body['next']}")
    assert (reply.status, reply.body["code"]) == (410, "cursor_too_old")
    again = await desk.get(f"/v1/alerts?cursor={reply.body['oldest']}")
    assert [item["id"] for item in again.body["items"]] == ["a30"]


async def test_where_all_alerts_were_forgotten_a_reader_still_goes_on(desk: Desk) -> None:
    await keep(desk, 10, 20)
    first = await desk.get("/v1/alerts?limit=1")
    last = await desk.get("/v1/alerts")
    async with desk.given.database.write() as writing:
        await alerts.forget_before(writing, NOON + timedelta(days=9))
    assert (await desk.get(f"/v1/alerts?cursor={first.body['next']}")).status == 410
    empty = await desk.get("/v1/alerts")
    assert (empty.body["items"], empty.body["next"]) == ([], last.body["next"])
    await keep(desk, 30)
    for reply in (last, empty):
        more = await desk.get(f"/v1/alerts?cursor={reply.body['next']}")
        assert [item["id"] for item in more.body["items"]] == ["a30"]


async def test_a_cursor_of_before_a_restore_is_410(desk: Desk) -> None:
    await keep(desk, 1)
    first = await desk.get("/v1/alerts")
    async with desk.given.database.write() as writing:
        await meta.new_epoch(writing)
    reply = await desk.get(f"/v1/alerts?cursor={first.body['next']}")
    assert (reply.status, reply.body["code"]) == (410, "foreign_cursor")
    assert (await desk.get(f"/v1/alerts?cursor={reply.body['oldest']}")).status == 200


async def test_a_cursor_ahead_of_everything_is_410(desk: Desk) -> None:
    await keep(desk, 1)
    epoch = (await desk.get("/v1/alerts")).body["next"].partition(".")[0]
    assert (await desk.get(f"/v1/alerts?cursor={epoch}.99")).status == 410


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1000000000", "limit=x", "limit=501", "level=sure", "start=middle", "cursr=1"],
)
async def test_parameters_out_of_range_are_422_and_named(sqlite_desk: Desk, query: str) -> None:
    reply = await sqlite_desk.get(f"/v1/alerts?{query}")
    assert (reply.status, reply.body["code"], reply.body["field"]) == (422, "invalid", query.partition("=")[0])
    assert reply.headers["content-type"] == "application/problem+json"


async def test_stale_answers_say_since_when(desk: Desk) -> None:
    await store(desk.given.database, offset_row(NOON))
    first = await desk.get("/v1/alerts")
    assert first.body["stale_since"] == "2018-09-04T12:00:00Z"
    async with desk.given.database.write() as writing:
        await writing.session.merge(offset_row(desk.given.clock.now()))
    fresh = await desk.get("/v1/alerts", {"If-None-Match": first.headers["etag"]})
    assert (fresh.status, fresh.body["stale_since"]) == (200, None)


async def test_one_alert_shows_the_incident_as_it_stood(desk: Desk) -> None:
    await number(desk, 5)
    await store(desk.given.database, alert_row(5, message(5), view(5, level="likely"), exercise=True))
    reply = await desk.get("/v1/alerts/a5")
    assert reply.status == 200
    assert (reply.body["id"], reply.body["incident_then"]["level"], reply.body["exercise"]) == ("a5", "likely", True)
    assert reply.body["cursor"].endswith(".5")
    missing = await desk.get("/v1/alerts/none")
    assert (missing.status, missing.body["code"]) == (404, "not_found")


async def test_a_stream_tells_new_alerts_as_they_are_stored(desk: Desk) -> None:
    async with desk.events("/v1/alerts/stream") as events:
        here = await events.next("id")
        await keep(desk, 1, 2)
        assert (await events.next("alert")).data["id"] == "a1"
        event = await events.next("alert")
    assert event.data["id"] == "a2"
    assert event.id == here.id.partition(".")[0] + ".2"


async def test_a_stream_goes_on_from_the_last_event_id(desk: Desk) -> None:
    await keep(desk, *range(1, 131))
    epoch = (await desk.get("/v1/alerts?limit=1")).body["next"].partition(".")[0]
    async with desk.events("/v1/alerts/stream?after=abcd.1", {"Last-Event-ID": f"{epoch}.3"}) as events:
        seen = [(await events.next("alert")).data["id"] for _ in range(127)]
        await keep(desk, 131)
        seen.append((await events.next("alert")).data["id"])
    assert seen == [f"a{seq}" for seq in range(4, 132)]


async def test_a_stream_narrows_as_a_poll_does(desk: Desk) -> None:
    async with desk.events("/v1/alerts/stream?watch=Idlib&level=likely") as events:
        await events.next("id")
        await number(desk, 4)
        await store(
            desk.given.database,
            alert_row(1),
            alert_row(2, message(2, watch="Idlib")),
            alert_row(3, message(3, watch="Idlib", level="likely"), exercise=True),
            alert_row(4, message(4, watch="Idlib", level="likely")),
        )
        assert (await events.next("alert")).data["id"] == "a4"


async def test_a_restore_resets_open_streams_and_old_ids(desk: Desk) -> None:
    await keep(desk, 1)
    async with desk.events("/v1/alerts/stream") as events:
        old = await events.next("id")
        async with desk.given.database.write() as writing:
            await meta.new_epoch(writing)
        reset = await events.next("reset")
        assert reset.data["next"] == reset.id != old.id
        await keep(desk, 2)
        assert (await events.next("alert")).data["id"] == "a2"
    async with desk.events("/v1/alerts/stream", {"Last-Event-ID": old.id}) as events:
        assert (await events.next("reset")).id.endswith(".2")


async def test_an_expired_id_resets_the_stream(database: Database, clock: Clock) -> None:
    async with database.write() as writing:
        while await writing.change_no() < 30:
            pass
    await store(database, alert_row(10), alert_row(20), alert_row(30))
    async with database.write() as writing:
        await alerts.forget_before(writing, NOON + timedelta(minutes=21))
    async with desk_on(database, clock) as desk:
        epoch = (await desk.get("/v1/alerts")).body["next"].partition(".")[0]
        async with desk.events(f"/v1/alerts/stream?after={epoch}.10") as events:
            assert "no longer kept" in (await events.next("reset")).data["reason"]


async def test_a_stream_refuses_what_is_no_id(sqlite_desk: Desk) -> None:
    for headers, path in (({"Last-Event-ID": "garbage"}, ""), ({}, "?after=garbage")):
        reply = await sqlite_desk.get(f"/v1/alerts/stream{path}", headers)
        assert (reply.status, reply.body["code"]) == (400, "bad_cursor")


async def test_a_stream_says_when_nothing_comes_in_any_more(desk: Desk) -> None:
    async with desk.events("/v1/alerts/stream") as events:
        assert (await events.next("state")).data == {"stale_since": None, "database": "up"}
        await store(desk.given.database, offset_row(NOON))
        assert (await events.next("state")).data == {"stale_since": "2018-09-04T12:00:00Z", "database": "up"}


async def test_many_streams_see_every_alert_in_order(sqlite_desk: Desk) -> None:
    async def follow() -> list[str]:
        async with sqlite_desk.events("/v1/alerts/stream") as events:
            await events.next("id")
            ready.release()
            return [(await events.next("alert")).data["id"] for _ in range(20)]

    ready = asyncio.Semaphore(0)
    following = [asyncio.create_task(follow()) for _ in range(40)]
    for _ in following:
        await ready.acquire()
    assert sqlite_desk.value("watchdesk_sse_clients") == 40
    for seq in range(1, 21):
        await keep(sqlite_desk, seq)
    assert await asyncio.gather(*following) == [[f"a{seq}" for seq in range(1, 21)]] * 40
