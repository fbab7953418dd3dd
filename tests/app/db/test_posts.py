from __future__ import annotations

from app.db import posts
from app.db.models import Source
from app.db.session import Database
from tests.rows import incident_row, member_row, post_row, revision_row, store


async def test_a_post_comes_with_revisions_incidents_and_its_source(database: Database) -> None:
    await store(
        database,
        incident_row(1),
        Source(id="x:ward", owner="Ward Media", grade="B", area=None, rights="reference", retired_at=None),
        post_row("5", text="second"),
        revision_row("5", "second", minutes=2),
        revision_row("5", "first"),
        member_row("i1", "5"),
    )
    async with database.read() as session:
        found = await posts.get(session, "x:5")
        assert found is not None
        assert (found.post.text, found.rights, found.owner, found.grade) == ("second", "reference", "Ward Media", "B")
        assert [one.text for one in found.revisions] == ["first", "second"]
        assert found.incidents == [posts.Membership("i1", "report")]


async def test_a_post_is_found_by_the_id_of_its_line(database: Database) -> None:
    await store(database, post_row("5"), post_row("6", id="t:5", given_id="x:5"))
    async with database.read() as session:
        by_line = await posts.get(session, "5")
        by_id = await posts.get(session, "x:5")
        assert by_line is not None
        assert by_id is not None
        assert (by_line.post.id, by_id.post.id, by_id.rights) == ("x:5", "x:5", "full")
        assert await posts.get(session, "7") is None


async def test_rights_are_found_however_the_handle_is_written(database: Database) -> None:
    await store(database, Source(id="x:Ward", owner="W", grade="B", area=None, rights="reference", retired_at=None))
    async with database.read() as session:
        rights = await posts.rights_of(session)
    assert (rights.of("x:ward"), rights.of("x:none")) == ("reference", "full")
