"""A gate that lets one call through at a time, no faster than a pace."""

from __future__ import annotations

from app.clock import Clock


class Pace:
    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for the next turn and take it."""
        now = self._clock.monotonic()
        at = max(now, self._next)
        self._next = at + self._seconds
        if at > now:
            await self._clock.sleep(at - now)
