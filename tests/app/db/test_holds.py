from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import holds
from app.db.audit import Deed
from app.db.holds import NewHold
from app.db.models import Audit, Post, Revision, Source
from app.db.retention import expire_chunk
from app.db.session import Database
from app.messages import PostType
from tests.rows import post_row, store
from tests.stored_desk import StoredDesk
from tests.wire import NOON, Wire

SECOND_OF_MAY = NOON + timedelta(days=30)
END = NOON + timedelta(days=60)


async def hold(database: Database, subject: str) -> None:
    async with database.write() as writing:
        await holds.put(writing, NewHold(subject, "ann", "a court asked for it", END), NOON)


async def texts(database: Database) -> list[str]:
    """Return every text that is stored, in force or once in force."""
    async with database.read() as session:
        posts = (await session.execute(select(Post.text))).scalars().all()
        revisions = (await session.execute(select(Revision.text))).scalars().all()
    return sorted(filter(None, [*posts, *revisions]))


async def deleted_under(database: Database, subject: str) -> StoredDesk:
    """Two posts of one source that are stored, then deleted while `subject` is under a hold."""
    wire, desk = Wire(), StoredDesk(database)
    await desk.feed([wire.item("1", 0, "Ward", text="first words"), wire.item("2", 1, "Ward", text="second words")])
    await hold(database, subject)
    await desk.feed([wire.item(post, 5, "Ward", type_=PostType.DELETE) for post in ("1", "2")])
    return desk


@pytest.mark.parametrize(("subject", "kept"), [("x:1", 1), ("x:ward", 2), ("x:other", 0)])
async def test_a_hold_on_a_post_or_its_source_keeps_deleted_words(database: Database, subject: str, kept: int) -> None:
    await deleted_under(database, subject)
    assert len(await texts(database)) == 2 * kept  # in the post and in its revision
    async with database.read() as session:
        posts = (await session.execute(select(Post))).scalars().all()
    assert all(post.deleted_at is not None and post.tags is None for post in posts)


async def test_a_post_deleted_in_the_batch_that_brought_it_is_held_too(database: Database) -> None:
    wire = Wire()
    await hold(database, "x:ward")
    items = [wire.item("1", 0, "Ward", text="words"), wire.item("1", 1, "Ward", type_=PostType.DELETE)]
    await StoredDesk(database).feed(items)
    assert await texts(database) == ["words"]


async def test_a_deletion_that_names_no_author_is_held_all_the_same_and_let_go_at_the_end(database: Database) -> None:
    wire, desk = Wire(), StoredDesk(database)
    await desk.feed([wire.item("1", 0, "Ward", text="words")])
    await hold(database, "x:ward")
    await desk.feed([wire.item("1", 5, "4711", type_=PostType.DELETE)])
    assert await texts(database) == ["words", "words"]
    async with database.write() as writing:
        assert await expire_chunk(writing.session, END, 0)
    assert await texts(database) == []


async def test_what_only_a_hold_kept_goes_when_it_ends(database: Database) -> None:
    await deleted_under(database, "x:Ward")
    async with database.write() as writing:
        assert await expire_chunk(writing.session, END - timedelta(seconds=1), 0) == 0
    assert len(await texts(database)) == 4
    async with database.write() as writing:
        while await expire_chunk(writing.session, END, 0):
            pass
        assert await holds.known(writing.session) == []
    assert await texts(database) == []


async def test_another_hold_keeps_what_the_lifted_one_let_go(database: Database) -> None:
    await deleted_under(database, "x:Ward")
    await hold(database, "x:1")
    async with database.write() as writing:
        assert await holds.lift(writing, "x:Ward", Deed("ben", "hold_lifted", "x:Ward", "settled"), SECOND_OF_MAY)
        while await holds.release(writing.session, SECOND_OF_MAY):
            pass
    assert await texts(database) == ["first words", "first words"]
    async with database.read() as session:
        deeds = (await session.execute(select(Audit).order_by(Audit.change_no))).scalars().all()
    assert [(deed.who, deed.action, deed.subject) for deed in deeds] == [
        ("ann", "hold_placed", "x:Ward"),
        ("ann", "hold_placed", "x:1"),
        ("ben", "hold_lifted", "x:Ward"),
    ]


async def test_posts_that_stand_lose_nothing_when_a_hold_ends(database: Database) -> None:
    await store(database, post_row("1", text="still there"))
    await hold(database, "x:1")
    async with database.write() as writing:
        while await holds.release(writing.session, END):
            pass
    assert await texts(database) == ["still there"]


async def test_retention_leaves_what_is_held(database: Database) -> None:
    await store(database, post_row("1", text="held"), post_row("2", text="due"))
    await hold(database, "x:1")
    async with database.write() as writing:
        while await expire_chunk(writing.session, SECOND_OF_MAY, 7):
            pass
    assert await texts(database) == ["held"]


async def test_a_hold_goes_by_an_id_that_there_is(database: Database) -> None:
    await store(database, post_row("5", source="x:Ward"), Source(id="rss:wire", owner="W", grade="B", rights="full"))
    async with database.read() as session:
        found = [await holds.subject_of(session, name) for name in ("5", "x:5", "x:ward", "rss:wire", "x:none")]
    assert found == ["x:5", "x:5", "x:ward", "rss:wire", None]
