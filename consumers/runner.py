"""Runs a stage for as long as the process lives: joins its group, waits out what is down, ends the process on anything else."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import structlog

from app.errors import Unavailable
from app.resources import Resources
from app.streams.port import Reader
from consumers.measures import part_of

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0  # a new alert must flow within 5 s of the broker or the database answering again

log = structlog.get_logger(__name__)

Body = Callable[[Reader], Awaitable[None]]


async def run_stage(resources: Resources, name: str, topic: str, make: Callable[[], Body]) -> None:
    """Run the stage `name` on `topic` until cancelled. `make` gives a fresh body, without memory, for every beginning.

    The stage counts as paused from a failure on until its body worked (see `LagMeter`): joining alone proves nothing of the database.
    """
    wait = FIRST_WAIT_S
    paused = resources.metrics.stages.paused.labels(name)
    part = part_of(name)
    while True:
        try:
            async with resources.stream.reader(topic, name) as reader:
                await make()(reader)
        except Unavailable as down:
            # Only where it worked since the last failure: a body that joins and fails would join anew ten times a second.
            if part in resources.health.parts and resources.health.parts[part].ok:
                wait = FIRST_WAIT_S
            paused.set(1)
            resources.health.say(part, resources.clock.now(), ok=False, detail=f"{down.what}: {down.detail}")
            log.warning("paused", stage=name, down=down.what, detail=down.detail, wait=round(wait, 2))
        await resources.clock.sleep(wait * random.uniform(0.8, 1.2))
        wait = min(LONGEST_WAIT_S, wait * 2)
