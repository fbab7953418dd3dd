"""SIGTERM ends any role within ten seconds and with 0, also while what it hangs on is away."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.cluster_bench import empty_servers
from tests.parts.cluster import Cluster, Role, running_cluster, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

TEN_S = 10.0


@pytest.fixture
def cluster_home(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer
) -> Iterator[DeskHome]:
    with empty_servers(make_home, kafka_broker, postgres_server) as home:
        home.env["WATCHDESK_WATCHDOG_PERIOD"] = "1"
        yield home


def started(role: Role) -> bool:
    lines = role.log.read_text(errors="replace").splitlines() if role.log.exists() else []
    ops = [line.split(" at ", 1)[1].split(": ")[0] for line in lines if line.startswith("watchdesk: ops of ")]
    if not ops:
        return False
    with urllib.request.urlopen(f"{ops[-1]}/healthz", timeout=10) as reply:  # noqa: S310 - ours, on loopback
        return bool(reply.status == 200)


@pytest.mark.parametrize("role", ["run", "produce", "consume", "api"])
def test_a_role_on_the_embedded_log_stops(home: DeskHome, role: str) -> None:
    home.ok("migrate")
    one = Role(home, role, (role,))
    one.start()
    wait_for(lambda: started(one), 60, f"{role} to start")
    assert one.stop(TEN_S) == 0, one.tail()


@pytest.mark.kafka
@pytest.mark.postgres
def test_roles_on_kafka_and_postgresql_stop_and_nothing_is_lost(cluster_home: DeskHome) -> None:
    with running_cluster(cluster_home, "tag-a", "desk-a", "notify", "api") as cluster:
        roles = with_producers(cluster)
        wait_for(lambda: cluster_home.law().stored > 3, 60, "exercises through every stage")
        for name in ("notify", "desk-a", "tag-a", "produce", "api"):
            assert roles[name].stop(TEN_S) == 0, roles[name].tail()

        for name in ("desk-a", "tag-a"):
            roles[name].start()
        wait_for(lambda: cluster_home.law().in_flight == 0, 60, "what was on its way")


@pytest.mark.soak
@pytest.mark.kafka
@pytest.mark.postgres
def test_roles_stop_while_broker_and_database_are_frozen(
    cluster_home: DeskHome, kafka_broker: KafkaBroker, postgres_server: PostgresServer
) -> None:
    with running_cluster(cluster_home, "tag-a", "desk-a", "notify", "api") as cluster:
        roles = with_producers(cluster)
        wait_for(lambda: cluster_home.law().stored > 3, 60, "exercises through every stage")
        kafka_broker.freeze()
        postgres_server.freeze()
        try:
            for name in ("notify", "desk-a", "tag-a", "produce", "api"):
                assert roles[name].stop(TEN_S) == 0, roles[name].tail()
        finally:
            postgres_server.thaw()
            kafka_broker.thaw()


def with_producers(cluster: Cluster) -> dict[str, Role]:
    producers = cluster.roles["produce"] = Role(cluster.home, "produce", ("produce",))
    producers.start()
    roles = {name: role for name, role in cluster.roles.items() if role.process is not None}
    wait_for(lambda: all(started(role) for role in roles.values()), 90, "the ops ports")
    return roles
