"""Databases for the tests of `app`: each test gets one of its own, migrated once and then copied."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from app.db.migrate import upgrade
from app.db.session import Database, open_database


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "watchdesk.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which nothing was created yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/watchdesk.db"
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"t_{uuid4().hex}"
    asyncio.run(_on_server(server, f"CREATE DATABASE {name}"))
    yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    asyncio.run(_on_server(server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "watchdesk.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def database_url(empty_database_url: str, migrated_file: Path) -> str:
    """The URL of a migrated, empty database: the test runs on SQLite and on PostgreSQL."""
    if empty_database_url.startswith("sqlite"):
        shutil.copy(migrated_file, empty_database_url.removeprefix("sqlite:///"))
    else:
        asyncio.run(upgrade(empty_database_url))
    return empty_database_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, role="run") as opened:
        yield opened


async def _on_server(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
