from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.db import inbox
from app.db.models import Audit, Source
from app.domain.posts import parse_line
from app.messages import Post, Tags, Term
from tests.app.api.desk import Desk
from tests.rows import NOON, incident_row, member_row, post_row, revision_row, store

READ = Tags(kind="air_strike", terms=(Term("secret", 0, 6, "kind:air_strike"),), reasons=("secret says air_strike",))


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
        post_row("1", source="x:Quiet", text="not for others", tags=READ),
        revision_row("1", "not for others"),
        post_row("2", deleted_at=NOON, text="kept under a hold", tags=READ),
        revision_row("2", "was deleted"),
    )
    for native in ("1", "2"):
        reply = await desk.get(f"/v1/posts/x:{native}")
        assert reply.body["text"] is None
        assert reply.body["withheld"]
        assert [revision["text"] for revision in reply.body["revisions"]] == [None]
        assert "secret" not in str(reply.body)


async def test_an_unknown_post_is_404(desk: Desk) -> None:
    for path in ("x:none", "%00", "a%00b", "%2e%2e/%2e%2e/etc/passwd", "x" * 250):
        reply = await desk.get(f"/v1/posts/{path}")
        assert (reply.status, reply.body["code"]) == (404, "not_found")
    assert (await desk.get("/v1/posts/" + "x" * 10_000)).status == 422


async def test_a_post_handed_in_waits_for_the_inbox_producer(desk: Desk) -> None:
    body = {"id": "call-1", "author": "night desk", "text": "\u0642\u0635\u0641 قرب جسر الشغور"}
    reply = await desk.ask("POST", "/v1/posts", json=body)
    assert (reply.status, reply.body) == (202, {"post": "inbox:call-1", "status": "accepted"})
    async with desk.given.database.read() as session:
        (row,) = await inbox.waiting(session, limit=9)
        assert row.exercise is False
        post = parse_line(row.line.encode(), received_at=NOON)
        deed = (await session.execute(select(Audit))).scalar_one()
    assert isinstance(post, Post)
    assert (post.id, post.author, post.text) == ("inbox:call-1", "night desk", "قصف قرب جسر الشغور")
    assert (deed.who, deed.action, deed.subject) == ("local", "post_handed_in", "inbox:call-1")


async def test_the_address_of_a_post_and_its_words_are_enough(sqlite_desk: Desk) -> None:
    body = {"url": "https://x.com/ward/status/1036978342000000000?s=20", "text": "Jets over the town"}
    assert (await sqlite_desk.ask("POST", "/v1/posts", json=body)).body["post"] == "x:1036978342000000000"
    refused = await sqlite_desk.ask("POST", "/v1/posts", json={"text": "Jets over the town"})
    assert refused.body["detail"] == "Say whose post it is and which: id is missing, and no url tells it."
    refused = await sqlite_desk.ask("POST", "/v1/posts", json={"url": body["url"]})
    assert (refused.status, refused.body["detail"]) == (422, "A post without words tells nothing: text is missing.")


async def test_what_cannot_be_handed_in_is_422(sqlite_desk: Desk) -> None:
    good: dict[str, Any] = {"id": "1", "author": "a", "text": "t"}
    changes: list[dict[str, Any]] = [
        {"id": ""},
        {"id": "x" * 201},
        {"exercise": True},
        {"marks": {}},
        {"seen_at": "now"},
        {"text": "x" * 60_001},
        {"type": "gap"},
    ]
    for change in changes:
        assert (await sqlite_desk.ask("POST", "/v1/posts", json=good | change)).status == 422
