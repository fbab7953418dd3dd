"""Real servers for every test: started at the first test that needs one, stopped with the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.parts.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL; a test that stops or freezes it brings it back before it ends."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of the running server's own database: a test creates one of its own beside it."""
    return postgres_server.url()
