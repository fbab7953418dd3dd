"""The mark of a database: it moves when anybody commits, and only then."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, text

from app.db.migrate import upgrade
from app.db.models import Meta
from app.db.session import Database, open_database


async def put(database: Database, key: str) -> None:
    async with database.write() as writing:
        await writing.session.execute(insert(Meta).values(key=key, value="1"))


async def test_the_mark_moves_with_commits_of_this_and_of_another_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a name with # and ?.db'}".replace("#", "%23").replace("?", "%3F")
    await upgrade(url)
    async with open_database(url, role="run") as ours, open_database(url, role="cli") as theirs:
        await ours.ping()
        first = ours.mark()
        assert first is not None
        async with ours.read() as session:
            await session.execute(text("SELECT count(*) FROM meta"))
        assert ours.mark() == first

        await put(ours, "ours")
        second = ours.mark()
        assert second != first
        await put(theirs, "theirs")
        assert ours.mark() != second


async def test_a_database_that_is_not_there_has_no_mark(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'none.db'}", role="run") as database:
        assert database.mark() is None
    assert not (tmp_path / "none.db").exists()


async def test_postgresql_cannot_tell() -> None:
    async with open_database("postgresql://nobody@127.0.0.1:9/none", role="run") as database:
        assert database.mark() is None
