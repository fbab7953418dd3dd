"""When a source has been quiet for far longer than it usually is, while it was truly read: the one rule for page, API, metric and notice."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from app.domain.lulls import Interval, merge

HABIT_POSTS = 20  # before so many posts nobody knows its habit
TIMES = 12.0  # usual gaps that may pass
SHORTEST = timedelta(hours=2)  # a night's sleep of a chatty account is no alarm
LONGEST = timedelta(days=14)


class Habit(NamedTuple):
    """What is known of a source's pace. `usual_gap_s` are the seconds that usually pass between its posts."""

    last_post_at: datetime | None
    usual_gap_s: float | None
    posts: int
    quiet_after_h: float | None = None


def silent_since(habit: Habit, state: str, read: Iterable[Interval], now: datetime) -> datetime | None:
    """Return since when the source counts as silent; None while it does not, or while it is not live: then its state says why.

    Only time in which it was truly read counts (`read`: its coverage, at least from its last post on), all together: what it
    said while nobody listened is not known. So a pause of ours neither makes a silence nor ends one.
    """
    allowed, last = _allowed(habit), habit.last_post_at
    if state != "live" or last is None or allowed is None:
        return None
    for start, end in merge((max(start, last), min(end, now)) for start, end in read):
        if end - start > allowed:
            return start + allowed
        allowed -= end - start
    return None


def _allowed(habit: Habit) -> timedelta | None:
    if habit.quiet_after_h is not None:
        return timedelta(hours=habit.quiet_after_h)
    if habit.usual_gap_s is None or habit.posts < HABIT_POSTS:
        return None
    return min(LONGEST, max(SHORTEST, timedelta(seconds=habit.usual_gap_s * TIMES)))
