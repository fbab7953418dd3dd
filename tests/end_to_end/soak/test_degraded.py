"""Broker and desk gone: the API goes on answering what is stored, says since when it is stale, and stays ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.cluster_bench import empty_servers, finish, start_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import Cluster, running_cluster, wait_for
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

pytestmark = [pytest.mark.soak, pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture
def cluster(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer, tmp_path: Path
) -> Iterator[Cluster]:
    """Give roles that have stored a few posts."""
    few = write_lines(tmp_path / "few.jsonl", [*many(60, seed=3)])
    with (
        empty_servers(make_home, kafka_broker, postgres_server) as home,
        running_cluster(home, "tag-a", "desk-a", "api") as cluster,
    ):
        wait_for(lambda: cluster.roles["api"].addresses("API at") is not None, 60, "the API")
        finish(start_replay(home, few), home)
        yield cluster


def degraded(cluster: Cluster) -> str:
    """Return what the API says that does not work; it must be ready all the while."""
    status, body, _ = cluster.get("/readyz")
    assert status == 200, body
    return "\n".join(body["degraded"])


def stale_since(cluster: Cluster) -> str | None:
    """Return since when the alerts are stale; they must be answered all the while."""
    status, body, _ = cluster.get("/v1/alerts")
    assert status == 200, body
    assert body["items"]
    since: str | None = body["stale_since"]
    return since


def test_reads_are_answered_and_say_what_is_missing(cluster: Cluster, kafka_broker: KafkaBroker) -> None:
    assert degraded(cluster) == ""
    assert stale_since(cluster) is None
    kafka_broker.kill()
    try:
        cluster.roles["desk-a"].kill()
        wait_for(lambda: "log: 127.0.0.1" in degraded(cluster), 30, "the broker among what does not work")
        wait_for(lambda: stale_since(cluster) is not None, 90, "the answer that says since when nothing came")
        assert "posts: none was stored since" in degraded(cluster)
    finally:
        kafka_broker.start()
    wait_for(lambda: "log:" not in degraded(cluster), 40, "the broker's return")
