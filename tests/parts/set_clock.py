"""A clock that somebody sets, or that an hour passes on: its monotonic time and its waits know nothing of the first."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.clock import SystemClock


class SetClock(SystemClock):
    """The machine's time, set forward or back by a number of seconds."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._set = seconds
        self._passed = 0.0

    def set(self, seconds: float) -> None:
        """Set the wall clock to so many seconds ahead of the machine's (below zero: behind)."""
        self._set = seconds

    def pass_by(self, seconds: float) -> None:
        """Let so many seconds pass on both clocks."""
        self._passed += seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._set + self._passed)

    def monotonic(self) -> float:
        return super().monotonic() + self._passed
