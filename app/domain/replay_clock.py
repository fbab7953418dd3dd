"""The domain's now in a replay: the running maximum of the times that can be believed. One wrong date must not carry it away.

A time of more than a day ahead of the maximum is believed when the next dated line lies within a day of it. Where posts are days
apart no line ever does, so a leap also holds when none of the next few dated lines falls back behind it, and at the end of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

LEAP = timedelta(days=1)
FOLLOWING = 5  # dated lines that are looked at after a leap: so many wrong dates in a row are not believed


def leap_holds(at: datetime, following: Sequence[datetime]) -> bool:
    """Say whether the time has truly come to `at`, given the times of the next dated lines (up to FOLLOWING)."""
    if following and abs(following[0] - at) <= LEAP:
        return True
    return all(later >= at - LEAP for later in following)


def first_time(times: Sequence[datetime]) -> datetime | None:
    """Return the first of the dated lines' times that holds; None where there is none."""
    for index, at in enumerate(times):
        if leap_holds(at, times[index + 1 : index + 1 + FOLLOWING]):
            return at
    return None


class ReplayClock:
    """`now` is the running maximum; `start` what it is before the first dated line."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def read(self, at: datetime | None, following: Callable[[], Sequence[datetime]]) -> datetime:
        """Return the `seen_at` of a line dated `at` (None: no plausible date). `following` is asked only where it leaps."""
        if at is not None and at > self.now and (at - self.now <= LEAP or leap_holds(at, following())):
            self.now = at
        return self.now
