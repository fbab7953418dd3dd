"""Real servers for every test: started at the first test that needs one, stopped with the run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

# Two workers share the machine with brokers and databases: how fast examples come says nothing of the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


LONGEST = {"test_cluster_crash_points.py", "test_kill_anywhere.py", "test_kill_roles.py", "test_outages.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes minutes a file first: with it at the end one worker is left alone, and the others wait."""
    items.sort(key=lambda item: (item.path.name not in LONGEST, "end_to_end" not in item.path.parts))


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


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[KafkaBroker]:
    """A real Apache Kafka of our own; a test that kills or freezes it brings it back before it ends."""
    broker = KafkaBroker()
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


@pytest.fixture(scope="session")
def kafka_url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker: the one that WATCHDESK_STREAM_URL names, else one of our own."""
    given = os.environ.get("WATCHDESK_STREAM_URL", "")
    if given.startswith("kafka://"):
        return given
    broker: KafkaBroker = request.getfixturevalue("kafka_broker")
    return f"kafka://{broker.bootstrap}"
