"""A COMMIT that the database did and whose reply never came: nothing is lost by taking it for undone, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.lines import many
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.postgres import PostgresServer
from tests.simulator.fault_proxy import FaultProxy, fault_proxy

LINES = 400
LOST = 5
SPEED = "60000"  # a week in ten seconds: time for more commits than are lost
COMMITTED = b"COMMIT\0"  # of the server's CommandComplete

pytestmark = [pytest.mark.soak, pytest.mark.postgres]


async def lose_replies(proxy: FaultProxy, home: DeskHome, replay: asyncio.subprocess.Process) -> None:
    """Lose the reply of a COMMIT now and then while posts are stored, LOST of them at most."""
    while replay.returncode is None and not (await asyncio.to_thread(home.law)).stored:
        await asyncio.sleep(0.05)
    while replay.returncode is None and proxy.fired < LOST:
        proxy.lose = COMMITTED
        await asyncio.sleep(0.05)


async def replay_behind_proxy(home: DeskHome, server: PostgresServer, recorded: Path) -> int:
    """Replay with the database behind a proxy; return how many replies were lost."""
    async with fault_proxy(server.port) as proxy:
        url = home.database_url.replace(f":{server.port}/", f":{proxy.port}/")
        with (home.path / "replay.log").open("wb") as log:
            replay = await asyncio.create_subprocess_exec(
                *home.command("replay", recorded, "--speed", SPEED),
                stdout=log,
                stderr=log,
                env=home.environment(WATCHDESK_DATABASE_URL=url),
            )
            losing = asyncio.create_task(lose_replies(proxy, home, replay))
            code = await asyncio.wait_for(replay.wait(), 90)
            await losing
    assert code == 0, (home.path / "replay.log").read_text()[-3000:]
    return proxy.fired


def test_a_lost_reply_to_a_commit_loses_and_repeats_nothing(
    make_home: Callable[..., DeskHome], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=23)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    home = make_home("lossy", WATCHDESK_DATABASE_URL=postgres_server.create_database("lost_commit"))
    home.ok("migrate")
    try:
        assert asyncio.run(replay_behind_proxy(home, postgres_server, recorded)) >= 3
        assert home.result() == undisturbed.result()
    finally:
        postgres_server.drop_database("lost_commit")
