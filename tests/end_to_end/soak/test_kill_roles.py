"""Sixty random kills of any role on a real broker and database under load: nothing lost, nothing repeated."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.cluster_bench import empty_servers, finish, start_replay
from tests.end_to_end.lines import many
from tests.parts.cluster import running_cluster, wait_for
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

KILLS = 60
LINES = 6_000
PAUSE_S = 2.0  # between two kills: less than a takeover, so that some fall into one
KILLED = ("tag-a", "tag-b", "desk-a", "desk-b")

pytestmark = [pytest.mark.soak, pytest.mark.kafka, pytest.mark.postgres]


@pytest.mark.timeout(1200)
def test_sixty_random_kills_lose_and_repeat_nothing(
    make_home: Callable[..., DeskHome], kafka_broker: KafkaBroker, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=13)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    expected = undisturbed.result()
    chance = random.Random(13)
    with (
        empty_servers(make_home, kafka_broker, postgres_server) as home,
        running_cluster(home, *KILLED) as cluster,
    ):
        replay = start_replay(home, recorded, "--speed", "8000")
        wait_for(lambda: home.law().stored > 20, 60, "the first posts")
        for _ in range(KILLS):
            name = chance.choice((*KILLED, "replay"))
            if name == "replay":
                replay.kill()
                replay.wait()
                replay = start_replay(home, recorded, "--speed", "8000")
            else:
                cluster.roles[name].kill()
                cluster.roles[name].start()
            time.sleep(PAUSE_S * chance.random() * 2)
        replay.kill()
        replay.wait()
        finish(start_replay(home, recorded), home, 300)
        assert home.result() == expected
