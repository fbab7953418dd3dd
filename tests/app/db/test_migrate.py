from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import migrate
from app.db.models import Base, Meta
from app.db.session import async_url, open_database
from app.errors import SchemaError


async def test_up_and_down_leave_nothing_behind(empty_database_url: str) -> None:
    assert await migrate.revision(empty_database_url) is None
    assert await migrate.upgrade(empty_database_url) == migrate.head()
    assert await migrate.downgrade(empty_database_url, "base") == "base"
    engine = create_async_engine(async_url(empty_database_url))
    async with engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    await engine.dispose()
    assert set(tables) <= {"alembic_version"}


async def test_migrations_make_exactly_the_tables_of_the_models(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url)

    def differences(connection: Connection) -> list[object]:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
        )

    engine = create_async_engine(async_url(empty_database_url))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_every_new_database_has_an_epoch_of_its_own(empty_database_url: str) -> None:
    seen = set()
    for _ in range(2):
        await migrate.upgrade(empty_database_url)
        async with open_database(empty_database_url, role="cli") as database, database.read() as session:
            seen.add(await session.scalar(select(Meta.value).where(Meta.key == "epoch")))
        await migrate.downgrade(empty_database_url, "base")
    assert len(seen) == 2
    assert None not in seen


async def test_upgrading_at_once_from_two_processes_is_safe(empty_database_url: str) -> None:
    assert await asyncio.gather(*(migrate.upgrade(empty_database_url) for _ in range(2))) == [migrate.head()] * 2


async def test_a_database_of_a_newer_build_is_refused(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url)
    await migrate.check(empty_database_url)
    async with open_database(empty_database_url, role="cli") as database, database.write() as writing:
        await writing.session.execute(text("UPDATE alembic_version SET version_num = 'ffff'"))
    for attempt in (migrate.upgrade, migrate.check):
        with pytest.raises(SchemaError, match=f"revision ffff, this build knows {migrate.head()}"):
            await attempt(empty_database_url)


async def test_a_database_of_an_older_build_names_the_command(empty_database_url: str) -> None:
    await migrate.upgrade(empty_database_url)
    await migrate.downgrade(empty_database_url, "base")
    with pytest.raises(SchemaError, match="watchdesk migrate"):
        await migrate.check(empty_database_url)


def test_there_is_one_head() -> None:
    assert migrate.head() == "0001"
