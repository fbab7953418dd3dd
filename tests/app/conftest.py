"""Databases for the tests of `app`: each test gets one of its own, migrated once and then copied."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.db.migrate import upgrade
from app.db.session import Database, open_database
from tests.parts.postgres import PostgresServer

KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "watchdesk.db"
    asyncio.run(upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_name(postgres_server: PostgresServer) -> str:
    """The name of a migrated database on the PostgreSQL server, to be copied."""
    name = f"t_{uuid4().hex}"
    asyncio.run(upgrade(postgres_server.create_database(name)))
    return name


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which nothing was created yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/watchdesk.db"
        return
    with _copied(request.getfixturevalue("postgres_server"), "template0") as url:
        yield url


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "watchdesk.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated, empty database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    with _copied(request.getfixturevalue("postgres_server"), request.getfixturevalue("migrated_name")) as url:
        yield url


@pytest.fixture
def migrated_server_url(postgres_server: PostgresServer, migrated_name: str) -> Iterator[str]:
    """The URL of a migrated, empty database on PostgreSQL, for what is special to a server."""
    with _copied(postgres_server, migrated_name) as url:
        yield url


@pytest.fixture
def empty_server_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a database on PostgreSQL in which nothing was created yet."""
    with _copied(postgres_server, "template0") as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, role="run") as opened:
        yield opened


@contextmanager
def _copied(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"t_{uuid4().hex}"
    yield server.create_database(name, template)
    server.drop_database(name)
