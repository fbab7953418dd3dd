"""What the cluster tests share: a home on a broker and a database with nothing in them, and what the roles' logs tell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from app.streams.topics import TOPICS
from tests.parts.cluster import Cluster, Role
from tests.parts.desk_home import DeskHome
from tests.parts.kafka_admin import delete_topic
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

REPLAY_LOG = "replay.log"
SESSION_S = 2  # of the members: the tests' broker allows it, and a takeover then takes seconds


@contextmanager
def empty_servers(
    make_home: Callable[..., DeskHome], broker: KafkaBroker, server: PostgresServer
) -> Iterator[DeskHome]:
    """Give a home whose broker has none of our topics and whose database is new."""
    for topic in TOPICS:
        with suppress(Exception):  # it may not be there
            delete_topic(broker.bootstrap, topic.name)
    name = f"cluster_{uuid4().hex[:12]}"
    home = make_home(
        "cluster",
        WATCHDESK_STREAM_URL=f"kafka://{broker.bootstrap}",
        WATCHDESK_DATABASE_URL=server.create_database(name),
        WATCHDESK_KAFKA_SESSION_TIMEOUT=str(SESSION_S),
        WATCHDESK_KAFKA_HEARTBEAT="0.6",
        WATCHDESK_KAFKA_REQUEST_TIMEOUT="5",
    )
    try:
        yield home
    finally:
        server.drop_database(name)


def start_replay(home: DeskHome, file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a replay. It writes its log to a file: a pipe that nobody reads is full after some minutes of outage, and stops it."""
    with (home.path / REPLAY_LOG).open("ab") as log:
        return subprocess.Popen(
            home.command("replay", file, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=home.environment(),
        )


@contextmanager
def started_replay(home: DeskHome, file: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a replay and kill it when the block ends, however it ends: it must not feed the next test's topics."""
    replay = start_replay(home, file, *arguments)
    try:
        yield replay
    finally:
        replay.kill()
        replay.wait()


def finish(replay: subprocess.Popen[bytes], home: DeskHome, seconds: float = 100.0) -> None:
    """Wait for a replay to end well."""
    code = replay.wait(timeout=seconds)
    assert code == 0, (home.path / REPLAY_LOG).read_text(errors="replace")[-3000:]


def active_desk(cluster: Cluster) -> Role | None:
    """Return the desk that took over last among those that live."""
    found: list[tuple[str, Role]] = []
    for name in ("desk-a", "desk-b"):
        role = cluster.roles[name]
        if role.process is None or role.process.poll() is not None or not role.log.exists():
            continue
        lines = [line for line in role.log.read_text(errors="replace").splitlines() if "the desk took over" in line]
        if lines:
            found.append((lines[-1].partition('"timestamp": "')[2], role))
    return max(found, key=lambda one: one[0])[1] if found else None
