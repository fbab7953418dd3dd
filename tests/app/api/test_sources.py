from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.db.config import put_source
from app.db.models import CoverageInterval, GapRow, SourceStatus
from app.domain.config import SourceConfig
from tests.app.api.desk import Desk
from tests.rows import NOON, store

PATH = "/v1/sources/x:nskywatch"


async def test_a_source_is_made_changed_and_retired(desk: Desk) -> None:
    made = await desk.ask("PUT", PATH, json={"owner": "Northern Sky Watch", "grade": "B", "options": {"via": "rule"}})
    assert (made.status, made.body["grade"], made.body["configured"], made.headers["etag"]) == (201, "B", True, '"1"')
    assert (await desk.ask("PUT", PATH, json={"grade": "C"})).status == 428
    changed = await desk.ask("PUT", PATH, json={"grade": "C"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.body["grade"], changed.body["owner"]) == (200, "C", "nskywatch")
    assert (await desk.ask("DELETE", PATH, headers={"If-Match": '"1"'})).status == 412
    assert (await desk.ask("DELETE", PATH, headers={"If-Match": '"2"'})).status == 204
    assert (await desk.get(PATH)).body["configured"] is False
    assert (await desk.ask("DELETE", PATH, headers={"If-Match": '"3"'})).status == 404
    assert (await desk.ask("PUT", PATH, json={"grade": "A"})).body["version"] == 4


async def test_sources_are_listed_with_what_their_producer_said(desk: Desk) -> None:
    await store(
        desk.given.database, SourceStatus(source="rss:zenith", state="live", detail="ok", posts=7, said_at=NOON)
    )
    async with desk.given.database.write() as writing:
        await put_source(writing, SourceConfig("x:nskywatch", grade="B"), by_file=True)
    rss, x = (await desk.get("/v1/sources")).body["items"]
    assert (rss["id"], rss["state"], rss["posts"], rss["configured"]) == ("rss:zenith", "live", 7, False)
    assert (x["id"], x["state"], x["owned_by_file"]) == ("x:nskywatch", "unknown", True)
    reply = await desk.ask("PUT", PATH, json={"grade": "A"}, headers={"If-Match": '"1"'})
    assert (reply.status, reply.body["code"]) == (409, "owned_by_file")


async def test_a_source_says_when_it_was_read_and_when_not_and_why(desk: Desk) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    hour = timedelta(hours=1)
    gap = {"source": "x:nskywatch", "scope": "source", "stored_at": now, "reason": "filtered stream was not connected"}
    await store(
        desk.given.database,
        SourceStatus(source="x:nskywatch", state="live", said_at=now),
        GapRow(id="1", start=now - 2 * hour, end=now - hour, filled=True, **gap),
        GapRow(id="2", start=now - hour, end=now, **gap),
        GapRow(id="3", start=now - hour, end=now, **(gap | {"source": "x:other"})),
        CoverageInterval(source="x:nskywatch", start=now - 900 * hour, end=now - 800 * hour),
        CoverageInterval(source="x:nskywatch", start=now - 9 * hour, end=now - 2 * hour),
    )
    body = (await desk.get(PATH)).body
    assert [(one["filled"], one["reason"]) for one in body["gaps"]] == [(False, gap["reason"]), (True, gap["reason"])]
    assert [one["start"] for one in body["covered"]] == [f"{now - 9 * hour:%Y-%m-%dT%H:%M:%SZ}"]
    assert body["open_gaps"] == 1


async def test_what_can_be_no_source_is_refused(sqlite_desk: Desk) -> None:
    for path, body in (
        ("nocolon", {}),
        ("X:a", {}),
        ("x:a", {"grade": "G"}),
        ("x:a", {"id": "x:b"}),
        ("x:a", {"owner": "o" * 301}),
    ):
        assert (await sqlite_desk.ask("PUT", f"/v1/sources/{path}", json=body)).status == 422
    assert (await sqlite_desk.get("/v1/sources/x:none")).status == 404
    assert (await sqlite_desk.get("/v1/sources/%00")).status == 404


async def test_odd_options_and_letters_are_no_fault_of_ours(sqlite_desk: Desk) -> None:
    for options in ({"via": {"a": 1}}, {"via": [None]}, {"via": [[1]]}, {"x" * 300: "y"}):
        reply = await sqlite_desk.ask("PUT", "/v1/sources/x:a", json={"options": options})
        assert reply.status == 422
    made = await sqlite_desk.ask("PUT", "/v1/sources/x:a", json={"owner": "\U0001f4f0 صحيفة"})
    assert (made.status, made.body["owner"]) == (201, "\U0001f4f0 صحيفة")
