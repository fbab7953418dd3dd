"""The crash points of the stages on a real broker and database: killed there again and again, a day comes out the same."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster_bench import empty_servers, finish, start_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import running_cluster
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

POINTS = {
    "tag-a": ("tag.after_read", "tag.after_publish", "tag.after_commit"),
    "desk-a": (
        "desk.after_read",
        "desk.in_transaction",
        "desk.before_commit",
        "desk.after_commit",
        "desk.after_stream_commit",
    ),
}
FATAL_S = 60.0  # until a process with an armed point has died of it

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(("hits", "lines"), [(2, 900), pytest.param(20, 8_000, marks=pytest.mark.soak)])
def test_stages_killed_at_each_point_come_out_as_the_undisturbed_ones(
    make_home: Callable[..., DeskHome],
    kafka_broker: KafkaBroker,
    postgres_server: PostgresServer,
    tmp_path: Path,
    hits: int,
    lines: int,
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(lines, seed=23)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    expected = undisturbed.result()
    with empty_servers(make_home, kafka_broker, postgres_server) as home, running_cluster(home, "tag-b") as cluster:
        # Slow enough that a record is always on its way while there is a point left to die at.
        replay = start_replay(home, recorded, "--speed", str(_speed(lines, hits)))
        for name, points in POINTS.items():
            role = cluster.roles[name]
            if name == "tag-a":
                cluster.roles["tag-b"].kill()
            else:
                cluster.roles["tag-b"].start()
            for point in points:
                for hit in range(hits):
                    role.start(WATCHDESK_CRASH_AT=f"{point}:1")
                    code = role.running.wait(timeout=FATAL_S)
                    assert code == -signal.SIGKILL, f"{point}, hit {hit}: exit {code}\n{role.tail()}"
        replay.kill()
        replay.wait()
        cluster.roles["desk-a"].start()
        finish(start_replay(home, recorded), home, 300)
        assert home.result() == expected


def _speed(lines: int, hits: int) -> int:
    """Return recorded seconds per second so that the file lasts about 6 s for each death."""
    recorded_seconds = lines * 26 * 60  # `many` leaves 26 minutes between two lines on the average
    return max(1, recorded_seconds // (hits * 8 * 6))
