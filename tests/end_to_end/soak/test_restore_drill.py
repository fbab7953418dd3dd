"""Backed up under load, the database destroyed, restored: the stream is read again by itself and nothing is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.end_to_end.cluster_bench import empty_servers, finish, start_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import running_cluster, wait_for
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

LINES = 4_000

pytestmark = [pytest.mark.soak, pytest.mark.kafka, pytest.mark.postgres]


@pytest.mark.timeout(600)
def test_restored_database_misses_no_post_and_no_alert(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=19)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    expected = undisturbed.result()
    backup = tmp_path / "backup.gz"
    other = f"restored_{uuid4().hex[:8]}"
    with empty_servers(make_home, kafka_broker, postgres_server) as home:
        with running_cluster(home, "tag-a", "desk-a"):
            replay = start_replay(home, recorded, "--speed", "60000")
            wait_for(lambda: home.law().stored > 300, 60, "the first posts")
            home.ok("backup", backup)
            at_backup = home.law().stored
            wait_for(lambda: home.law().stored > at_backup + 300, 60, "posts after the backup")
            replay.kill()
            replay.wait()
        home.env["WATCHDESK_DATABASE_URL"] = postgres_server.create_database(other)
        try:
            home.ok("restore", backup)
            assert home.law().stored < at_backup + 300
            with running_cluster(home, "tag-a", "desk-a", "api") as cluster:
                finish(start_replay(home, recorded), home, 300)
                wait_for(lambda: cluster.roles["api"].addresses("API at") is not None, 60, "the API")
                result = home.result()
        finally:
            postgres_server.drop_database(other)
    assert result.incidents == expected.incidents
    assert {alert.id for alert in result.alerts} == {alert.id for alert in expected.alerts}
    assert result.outcomes == expected.outcomes
