"""A token that X refuses stops X and nothing else."""

from __future__ import annotations

import asyncio
import urllib.request

from app.clock import SystemClock
from tests.parts.cluster import Role
from tests.parts.desk_home import DeskHome
from tests.simulator.fake_x import fake_x

CONFIG = """
[x]
base_url = "{base_url}"
bearer_token_env = "X_TOKEN"

[[source]]
id = "x:ministry"
grade = "B"
"""


async def test_a_wrong_token_marks_its_sources_refused_and_the_rest_runs(home: DeskHome) -> None:
    async with fake_x(SystemClock()) as x:
        home.config.write_text(CONFIG.format(base_url=x.base_url), encoding="utf-8")
        home.env |= {"X_TOKEN": "a-token-that-nobody-gave-out", "WATCHDESK_WATCHDOG_PERIOD": "1"}
        role = Role(home, "run", ("run",))
        role.start()
        try:
            await shown(role, 'watchdesk_sources{platform="x",state="refused"}')
            assert x.requests
            await shown(role, 'watchdesk_watchdog_timestamp_seconds{stage="notify"}')
        finally:
            role.kill()
        assert "a-token-that-nobody-gave-out" not in role.log.read_text(encoding="utf-8")


def above_zero(text: str, sample: str) -> bool:
    return any(float(line.rpartition(" ")[2]) > 0 for line in text.splitlines() if line.startswith(f"{sample} "))


async def shown(role: Role, sample: str) -> None:
    """Wait until a sample of the role's metrics is above 0."""
    async with asyncio.timeout(60):
        while True:
            ops = role.addresses("ops of run at")
            if ops is not None and above_zero(await asyncio.to_thread(metrics, ops), sample):
                return
            await asyncio.sleep(0.05)


def metrics(ops: str) -> str:
    with urllib.request.urlopen(f"{ops}/metrics", timeout=10) as reply:  # noqa: S310 - ours, on loopback
        return str(reply.read().decode())
