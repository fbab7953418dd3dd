from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from app.clock import ScaledClock
from app.db.migrate import upgrade
from app.db.models import Meta
from app.db.session import Database, async_url, open_database
from app.errors import DamagedError, SettingsError, Unavailable
from tests.parts.postgres import PostgresServer


async def value_of(database: Database, key: str) -> str | None:
    async with database.read() as session:
        return await session.scalar(select(Meta.value).where(Meta.key == key))


async def test_a_write_commits_when_its_block_ends(database: Database) -> None:
    async with database.write() as writing:
        await writing.session.execute(insert(Meta).values(key="demo", value="yes"))
    assert await value_of(database, "demo") == "yes"


async def fail_after_writing(database: Database) -> None:
    async with database.write() as writing:
        await writing.change_no()
        await writing.session.execute(insert(Meta).values(key="demo", value="yes"))
        raise KeyError


async def test_a_write_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(KeyError):
        await fail_after_writing(database)
    assert await value_of(database, "demo") is None
    assert await value_of(database, "change_no") == "0"


async def test_numbers_rise_without_holes_over_transactions(database: Database) -> None:
    async def draw() -> list[int]:
        async with database.write() as writing:
            return [await writing.change_no(), await writing.change_no()]

    drawn = await asyncio.gather(*(draw() for _ in range(30)))
    assert sorted(number for pair in drawn for number in pair) == list(range(1, 61))
    assert all(second == first + 1 for first, second in drawn)
    assert await value_of(database, "change_no") == "60"


async def test_numbers_are_drawn_where_the_row_is_missing(database: Database) -> None:
    async with database.write() as writing:
        await writing.session.execute(text("DELETE FROM meta"))
    async with database.write() as writing:
        assert await writing.change_no() == 1
    assert await value_of(database, "change_no") == "1"


async def test_writers_of_two_processes_lose_no_update(database_url: str) -> None:
    async def count(database: Database) -> None:
        async with database.write() as writing:
            before = await writing.session.scalar(select(Meta.value).where(Meta.key == "change_no"))
            await asyncio.sleep(0)
            await writing.session.execute(
                update(Meta).where(Meta.key == "change_no").values(value=str(int(before or 0) + 1))
            )

    async with open_database(database_url, role="desk") as one, open_database(database_url, role="api") as two:
        await asyncio.gather(*(count(one if turn % 2 else two) for turn in range(60)))
        assert await value_of(one, "change_no") == "60"


async def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"

    async def draw() -> str:
        async with open_database(url, role="run") as database:
            async with database.write() as writing:
                await writing.session.execute(text("CREATE TABLE IF NOT EXISTS t (x INTEGER)"))
            async with database.read() as session:
                return str(await session.scalar(text("PRAGMA journal_mode")))

    assert await asyncio.gather(*(draw() for _ in range(12))) == ["wal"] * 12


async def test_a_read_session_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as session:
            await session.execute(text("UPDATE meta SET value = 'x'"))


async def test_a_read_session_sees_one_moment(database: Database) -> None:
    async with database.read() as session:
        assert await session.scalar(select(Meta.value).where(Meta.key == "change_no")) == "0"
        async with database.write() as writing:
            await writing.change_no()
        assert await session.scalar(select(Meta.value).where(Meta.key == "change_no")) == "0"
    assert await value_of(database, "change_no") == "1"


async def test_a_wrong_statement_is_no_outage(database: Database) -> None:
    with pytest.raises(DBAPIError):
        async with database.read() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))


async def test_a_commit_wakes_who_waits_for_it(database: Database) -> None:
    waiting = asyncio.create_task(database.wait_for_commit())
    await asyncio.sleep(0)
    async with database.write() as writing:
        await writing.change_no()
    await asyncio.wait_for(waiting, 5)


@pytest.mark.postgres
async def test_a_commit_of_another_process_wakes_too_also_after_an_outage(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database("heard")
    await upgrade(url)
    clock = ScaledClock(20)
    async with open_database(url, role="sender", clock=clock) as waits, open_database(url, role="desk") as writes:
        await until_heard(waits, writes)
        await asyncio.to_thread(postgres_server.stop, "immediate")
        await asyncio.to_thread(postgres_server.start)
        await until_heard(waits, writes)
    postgres_server.drop_database("heard")


async def until_heard(waits: Database, writes: Database) -> None:
    """Write until the other is woken by a write, and not by the beginning of its listening."""
    woken = 0
    async with asyncio.timeout(30):
        while woken < 3:
            waiting = asyncio.create_task(waits.wait_for_commit())
            with suppress(Unavailable):
                async with writes.write() as writing:
                    await writing.change_no()
            with suppress(TimeoutError):
                await asyncio.wait_for(waiting, 0.2)
                woken += 1


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/no/such/folder/x.db", "postgresql://nobody@127.0.0.1:9/none"):
        async with open_database(url, role="cli") as database:
            with pytest.raises(Unavailable) as caught:
                await database.ping()
            assert caught.value.what == "database"


async def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "watchdesk.db").write_bytes(b"this is not a database at all" * 1000)
    async with open_database(f"sqlite:///{tmp_path}/watchdesk.db", role="cli") as database:
        with pytest.raises(DamagedError):
            await database.ping()


async def test_a_writer_that_waits_too_long_is_told_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db.session.TIMEOUT_MS", 100)
    async with open_database(sqlite_url, role="desk") as one, open_database(sqlite_url, role="api") as two:
        async with one.write() as writing:
            await writing.change_no()
            with pytest.raises(Unavailable):
                async with two.write():
                    pass
        async with two.write() as writing:
            assert await writing.change_no() == 2


@pytest.mark.postgres
async def test_a_writer_that_falls_asleep_lets_go(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.db.session.TIMEOUT_MS", 300)

    async def fall_asleep(database: Database) -> None:
        async with database.write() as writing:
            await asyncio.sleep(1.0)  # PostgreSQL's own clock ends the transaction after the 0.3 s
            await writing.session.execute(select(1))

    async with open_database(postgres_url, role="desk") as asleep, open_database(postgres_url, role="api") as other:
        sleeper = asyncio.create_task(fall_asleep(asleep))
        await asyncio.sleep(0.5)
        async with other.write():
            pass
        with pytest.raises(Unavailable):
            await sleeper


@pytest.mark.postgres
async def test_a_database_that_hangs_is_unavailable_in_bounded_time(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.db.session.TIMEOUT_MS", 200)
    async with open_database(postgres_server.url(), role="api") as database:
        await database.ping()
        postgres_server.freeze()
        try:
            async with asyncio.timeout(10):
                with pytest.raises(Unavailable):
                    await database.ping()
        finally:
            postgres_server.thaw()
        await database.ping()


def test_urls_of_other_databases_are_refused() -> None:
    for url in ("mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "no url"):
        with pytest.raises(SettingsError):
            async_url(url)


def test_a_password_is_never_shown() -> None:
    shown = Database(async_url("postgresql://me:hush@db/x"), None, None)  # type: ignore[arg-type]
    assert "hush" not in shown.url
