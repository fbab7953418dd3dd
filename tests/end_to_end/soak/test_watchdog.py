"""Each stage frozen in turn raises the watchdog's alarm on a real Prometheus, with all times at 1/20."""

import shutil
from collections.abc import Callable, Iterator

import pytest

from tests.end_to_end.cluster_bench import empty_servers
from tests.parts.cluster import Role, running_cluster, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer
from tests.parts.prometheus import PrometheusServer

FASTER = 20
PERIOD_S = 60 / FASTER
ALARM_S = 180 / FASTER
SLACK_S = 6.0  # scheduling of seven processes on two cores

pytestmark = [
    pytest.mark.soak,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.prometheus,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here: `make prometheus`"),
]


@pytest.fixture
def cluster_home(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer
) -> Iterator[DeskHome]:
    with empty_servers(make_home, kafka_broker, postgres_server) as home:
        home.env["WATCHDESK_WATCHDOG_PERIOD"] = str(PERIOD_S)
        yield home


def test_a_frozen_stage_is_told_within_three_minutes(cluster_home: DeskHome) -> None:
    with running_cluster(cluster_home, "tag-a", "desk-a", "notify") as cluster:
        producers = cluster.roles["produce"] = Role(cluster_home, "produce", ("produce",))
        producers.start()
        roles = {"tag": cluster.roles["tag-a"], "desk": cluster.roles["desk-a"], "notify": cluster.roles["notify"]}
        wait_for(lambda: all(role.addresses("ops of consume at") for role in roles.values()), 60, "the ops ports")
        targets = [str(role.addresses("ops of consume at")).removeprefix("http://") for role in roles.values()]
        server = PrometheusServer(targets, faster=FASTER)
        try:
            server.start()
            for stage, role in (*roles.items(), ("tag", producers)):
                wait_for(lambda: passed(server) == set(roles), 60, "an exercise post through every stage")
                wait_for(lambda: not server.firing("WatchdeskWatchdogSilent"), 60, "silence of the alarm")
                role.freeze()
                wait_for(lambda: stage in alarmed(server), ALARM_S + SLACK_S, f"the alarm of {stage}")  # noqa: B023
                role.thaw()
        finally:
            server.close()


def passed(server: PrometheusServer) -> set[str]:
    """Return the stages that an exercise post left within two periods."""
    fresh = server.query(f"time() - max by (stage) (watchdesk_watchdog_timestamp_seconds > 0) < {2 * PERIOD_S}")
    return {one["metric"]["stage"] for one in fresh}


def alarmed(server: PrometheusServer) -> set[str]:
    return {labels["stage"] for labels in server.firing("WatchdeskWatchdogSilent")}
