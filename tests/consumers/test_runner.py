from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from app.clock import ScaledClock
from app.errors import Unavailable
from app.resources import Resources
from app.streams.port import Reader
from consumers.measures import LagMeter
from consumers.runner import FIRST_WAIT_S, run_stage
from tests.sending import sending

TRIES = 5


class Body:
    """A stage that joins and then finds the database away, TRIES times; after that it works."""

    def __init__(self, resources: Resources, paused: Callable[[], float | None]) -> None:
        self._lag = LagMeter(resources, "tag")
        self._paused = paused
        self._clock = resources.clock
        self.seen: list[float | None] = []
        self.began: list[float] = []
        self.works = asyncio.Event()

    async def run(self, _: Reader) -> None:
        self.seen.append(self._paused())
        self.began.append(self._clock.monotonic())
        if len(self.seen) <= TRIES:
            raise Unavailable("database", "away")
        self._lag.idle()
        self.works.set()
        await asyncio.Event().wait()


async def test_a_stage_is_paused_and_waits_longer_until_it_works_not_only_until_it_has_joined(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(20)) as desk:
        resources = desk.resources

        def paused() -> float | None:
            return resources.metrics.registry.get_sample_value("watchdesk_stage_paused", {"stage": "tag"})

        body = Body(resources, paused)
        running = asyncio.create_task(run_stage(resources, "tag", "posts", lambda: body.run))
        await asyncio.wait_for(body.works.wait(), 20)
        running.cancel()
        await asyncio.wait([running])
        assert body.seen == [0, *[1] * TRIES]
        assert body.began[TRIES] - body.began[TRIES - 1] >= 0.8 * FIRST_WAIT_S * 2 ** (TRIES - 1)
        assert paused() == 0
        assert resources.health.ready
