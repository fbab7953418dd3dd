"""The roles as processes on a real Apache Kafka and a real PostgreSQL: the same day, whoever is killed, stopped or frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.cluster_bench import active_desk, empty_servers, finish, start_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import Cluster, running_cluster, wait_for
from tests.parts.desk_home import DeskHome, Result, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

LINES = 600

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("recorded") / "days.jsonl", [*many(LINES, seed=7)])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path, recorded: Path) -> Result:
    home = DeskHome(tmp_path_factory.mktemp("undisturbed"), gazetteer_file)
    home.ok("replay", recorded)
    return home.result()


@pytest.fixture
def cluster_home(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer
) -> Iterator[DeskHome]:
    with empty_servers(make_home, kafka_broker, postgres_server) as home:
        yield home


def decided(cluster: Cluster) -> int:
    return cluster.home.law().stored


def test_several_members_decide_what_one_process_decides(
    cluster_home: DeskHome, recorded: Path, undisturbed: Result
) -> None:
    with running_cluster(cluster_home, "tag-a", "tag-b", "desk-a", "desk-b"):
        finish(start_replay(cluster_home, recorded), cluster_home)
        assert cluster_home.result() == undisturbed
        finish(start_replay(cluster_home, recorded), cluster_home)
        assert cluster_home.result() == undisturbed


def test_desk_and_tagger_that_are_killed_or_frozen_are_replaced_and_nothing_is_lost_or_repeated(
    cluster_home: DeskHome, recorded: Path, undisturbed: Result
) -> None:
    with running_cluster(cluster_home, "tag-a", "tag-b", "desk-a", "desk-b") as cluster:
        replay = start_replay(cluster_home, recorded, "--speed", "90000")
        wait_for(lambda: decided(cluster) > 20, 40, "the first posts")

        killed = active_desk(cluster)
        assert killed is not None
        killed.kill()
        before = decided(cluster)
        took = wait_for(lambda: decided(cluster) > before + 5, 15, "the other desk")
        assert took < 15
        killed.start()

        cluster.roles["tag-a"].kill()
        before = decided(cluster)
        wait_for(lambda: decided(cluster) > before + 5, 15, "the other tagger")
        cluster.roles["tag-a"].start()

        frozen = active_desk(cluster)
        assert frozen is not None
        frozen.freeze()
        before = decided(cluster)
        wait_for(lambda: decided(cluster) > before + 5, 25, "the desk beside the frozen one")
        frozen.thaw()

        stopped = cluster.roles["tag-b"]
        assert stopped.stop() == 0
        finish(replay, cluster_home)
        assert cluster_home.result() == undisturbed


def test_api_names_the_database_that_is_down_and_comes_back_with_it(
    cluster_home: DeskHome, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    few = write_lines(tmp_path / "few.jsonl", [*many(60, seed=3)])
    with running_cluster(cluster_home, "tag-a", "desk-a", "api") as cluster:
        api = cluster.roles["api"]
        wait_for(lambda: api.addresses("API at") is not None, 60, "the API")
        finish(start_replay(cluster_home, few), cluster_home)
        status, body, _ = cluster.get("/v1/alerts")
        assert (status, bool(body["items"])) == (200, True)

        postgres_server.stop("immediate")
        try:
            status, body, headers = cluster.get("/v1/alerts", seconds=15)
            assert status == 503, body
            assert "database" in str(body["detail"])
            assert "Retry-After" in {name.title() for name in headers}
        finally:
            postgres_server.start()
        wait_for(lambda: cluster.get("/v1/alerts")[0] == 200, 5, "the API after the database")
