"""When a source that is being read has been quiet for far longer than it usually is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

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


def silent_since(habit: Habit, state: str, now: datetime) -> datetime | None:
    """Return since when the source counts as silent; None while it does not, or while it is not live: then its state says why."""
    if state != "live" or habit.last_post_at is None:
        return None
    allowed = _allowed(habit)
    return habit.last_post_at + allowed if allowed is not None and now - habit.last_post_at > allowed else None


def _allowed(habit: Habit) -> timedelta | None:
    if habit.quiet_after_h is not None:
        return timedelta(hours=habit.quiet_after_h)
    if habit.usual_gap_s is None or habit.posts < HABIT_POSTS:
        return None
    return min(LONGEST, max(SHORTEST, timedelta(seconds=habit.usual_gap_s * TIMES)))
