from __future__ import annotations

import asyncio

from app.clock import ScaledClock
from app.notify.pace import Pace


async def test_turns_are_a_pace_apart_also_for_those_who_come_together() -> None:
    clock = ScaledClock(100)
    pace = Pace(clock, 1.0)
    turns: list[float] = []

    async def take() -> None:
        await pace.turn()
        turns.append(clock.monotonic())

    await asyncio.gather(*(take() for _ in range(5)))
    assert turns[-1] - turns[0] >= 3.9


async def test_the_first_turn_and_one_after_a_rest_do_not_wait() -> None:
    clock = ScaledClock(100)
    pace = Pace(clock, 1.0)
    await pace.turn()
    await clock.sleep(5)
    begun = clock.monotonic()
    await pace.turn()
    assert clock.monotonic() - begun < 1
