"""Broker stopped, broker frozen, database crashed, a minute each under load: nothing lost, and alerts flow within 5 s of the return."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db.models import Alert
from app.db.session import open_database
from app.db.types import UtcDateTime
from tests.end_to_end.cluster_bench import empty_servers, finish, start_replay, started_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import running_cluster, wait_for
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

OUTAGE_S = 60.0
LINES = 8_000
SPEED = "4000"

pytestmark = [pytest.mark.soak, pytest.mark.kafka, pytest.mark.postgres]


@contextmanager
def broker_killed(broker: KafkaBroker, server: PostgresServer) -> Iterator[None]:
    del server
    broker.kill()
    yield
    broker.start()


@contextmanager
def broker_frozen(broker: KafkaBroker, server: PostgresServer) -> Iterator[None]:
    del server
    broker.freeze()
    yield
    broker.thaw()


@contextmanager
def database_crashed(broker: KafkaBroker, server: PostgresServer) -> Iterator[None]:
    del broker
    server.stop("immediate")
    yield
    server.start()


def newest_alert(home: DeskHome) -> datetime:
    """Return when the last alert was stored."""

    async def read() -> datetime | None:
        async with open_database(home.database_url, role="cli") as database, database.read() as session:
            return await session.scalar(select(func.max(Alert.stored_at, type_=UtcDateTime())))

    return asyncio.run(read()) or datetime.min.replace(tzinfo=UTC)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("outage", [broker_killed, broker_frozen, database_crashed])
def test_a_minute_without_it_loses_nothing_and_alerts_flow_within_five_seconds(
    make_home: Callable[..., DeskHome],
    kafka_broker: KafkaBroker,
    postgres_server: PostgresServer,
    tmp_path: Path,
    outage: Callable[[KafkaBroker, PostgresServer], object],
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=17)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    expected = undisturbed.result()
    with (
        empty_servers(make_home, kafka_broker, postgres_server) as home,
        running_cluster(home, "tag-a", "desk-a", "desk-b") as cluster,
    ):
        with started_replay(home, recorded, "--speed", SPEED):
            wait_for(lambda: home.law().stored > 50, 60, "the first posts")
            with outage(kafka_broker, postgres_server):  # type: ignore[attr-defined]
                time.sleep(OUTAGE_S)
            back = datetime.now(UTC)
            try:
                waited = wait_for(lambda: newest_alert(home) > back, 30, "an alert after the outage")
                assert waited <= 5.0, f"the first alert came after {waited:.1f} s"
            except AssertionError as late:
                tails = "\n".join(f"-- {name}\n{role.tail()}" for name, role in cluster.roles.items())
                raise AssertionError(f"{late}\n{tails}") from None
        finish(start_replay(home, recorded), home, 300)
        assert home.result() == expected
