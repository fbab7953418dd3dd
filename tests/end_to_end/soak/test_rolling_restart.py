"""An upgrade under load: each role is stopped and started in turn, and nothing is lost, repeated or held up for long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster_bench import empty_servers, finish, started_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import running_cluster, wait_for
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

ROUNDS = 2
LINES = 4_000
ROLLED = ("tag-a", "tag-b", "desk-a", "desk-b")

pytestmark = [pytest.mark.soak, pytest.mark.kafka, pytest.mark.postgres]


@pytest.mark.timeout(600)
def test_roles_restarted_one_by_one_lose_and_repeat_nothing(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=29)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    with empty_servers(make_home, kafka_broker, postgres_server) as home, running_cluster(home, *ROLLED) as cluster:
        with started_replay(home, recorded, "--speed", "15000") as replay:
            wait_for(lambda: home.law().stored > 20, 60, "the first posts")
            for name in ROLLED * ROUNDS:
                role = cluster.roles[name]
                assert role.stop() == 0
                before = home.law().stored
                wait_for(lambda: home.law().stored > before + 3, 15, f"posts while {name} is away")  # noqa: B023
                role.start()
            assert replay.poll() is None, "the replay ended before the restarts: they were not under load"
        finish_anew(home, recorded)
        assert home.result() == undisturbed.result()


def finish_anew(home: DeskHome, recorded: Path) -> None:
    """Replay to the end at full speed: what was read before is known by its id."""
    with started_replay(home, recorded) as replay:
        finish(replay, home, 300)
