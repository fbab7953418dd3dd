from __future__ import annotations

from app.db.models import Source
from tests.app.api.desk import Desk
from tests.rows import NOON, incident_row, member_row, post_row, revision_row, store


async def test_a_post_comes_with_revisions_tags_and_incidents(desk: Desk) -> None:
    await store(
        desk.given.database,
        incident_row(1),
        Source(id="x:ward", owner="Ward Media", grade="B", area=None, retired_at=None),
        post_row("5", text="second"),
        revision_row("5", "first"),
        revision_row("5", "second", minutes=2),
        member_row("i1", "5"),
    )
    reply = await desk.get("/v1/posts/x:5")
    assert reply.status == 200
    assert (reply.body["text"], reply.body["owner"], reply.body["grade"]) == ("second", "Ward Media", "B")
    assert [revision["text"] for revision in reply.body["revisions"]] == ["first", "second"]
    assert reply.body["tags"]["kind"] == "air_strike"
    assert reply.body["incidents"] == [{"incident": "i1", "role": "report"}]
    assert reply.body["seen_at"] == "2018-09-04T12:00:00Z"
    assert (await desk.get("/v1/posts/5")).body["id"] == "x:5"


async def test_ids_with_slashes_and_colons_are_ids(desk: Desk) -> None:
    given = "at://did:plc:abc/app.bsky.feed.post/3k"
    await store(desk.given.database, post_row("1", id=f"bluesky:{given}", given_id=given))
    for path in (f"bluesky:{given}", given, given.replace("/", "%2F")):
        assert (await desk.get(f"/v1/posts/{path}")).body["given_id"] == given


async def test_text_is_withheld_where_rights_or_a_deletion_ask_for_it(desk: Desk) -> None:
    await store(
        desk.given.database,
        Source(id="x:quiet", owner="Quiet", grade="B", area=None, rights="reference", retired_at=None),
        post_row("1", source="x:quiet", text="not for others"),
        revision_row("1", "not for others"),
        post_row("2", deleted_at=NOON, text=""),
        revision_row("2", "was deleted"),
    )
    for native in ("1", "2"):
        reply = await desk.get(f"/v1/posts/x:{native}")
        assert reply.body["text"] is None
        assert reply.body["withheld"]
        assert [revision["text"] for revision in reply.body["revisions"]] == [None]


async def test_an_unknown_post_is_404(desk: Desk) -> None:
    for path in ("x:none", "%00", "a%00b", "%2e%2e/%2e%2e/etc/passwd", "x" * 250):
        reply = await desk.get(f"/v1/posts/{path}")
        assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert (await desk.get("/v1/posts/" + "x" * 10_000)).status == 422
