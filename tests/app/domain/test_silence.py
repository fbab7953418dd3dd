from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.silence import Habit, silent_since

LAST = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3600.0


def after(hours: float) -> datetime:
    return LAST + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("usual_gap_s", "posts", "quiet_after_h", "hours", "silent"),
    [
        (HOUR, 100, None, 11, False),
        (HOUR, 100, None, 13, True),
        (60, 100, None, 1.9, False),  # a chatty account may sleep two hours
        (60, 100, None, 2.1, True),
        (HOUR, 19, None, 300, False),  # nobody knows its habit yet
        (None, 0, None, 300, False),
        (HOUR * 24 * 7, 100, None, 24 * 15, True),  # two weeks are long for anybody
        (HOUR, 100, 48.0, 40, False),  # the operator knows better
        (HOUR, 1, 3.0, 4, True),
    ],
)
def test_a_source_is_silent_when_it_is_quiet_far_beyond_its_habit(
    usual_gap_s: float | None, posts: int, quiet_after_h: float | None, hours: float, silent: bool
) -> None:
    now = after(hours)
    since = silent_since(Habit(LAST, usual_gap_s, posts, quiet_after_h), "live", [(after(-50), now)], now)
    assert (since is not None) == silent
    assert since is None or LAST < since <= now


@pytest.mark.parametrize("state", ["connecting", "refused", "paused", "stopped", "unknown"])
def test_a_source_that_is_not_read_is_not_called_silent(state: str) -> None:
    assert silent_since(Habit(LAST, 60, 100), state, [(LAST, after(72))], after(72)) is None


@pytest.mark.parametrize(
    ("read", "since"),
    [
        ([], None),  # never read: nobody knows what it said
        ([(-9, 11)], None),
        ([(-9, 13)], 12),
        ([(-9, 11), (40, 40.5)], None),  # a restart: 29 hours in which nobody listened
        ([(-9, 11), (40, 42)], 41),  # and an hour later as long a silence as any other
        ([(40, 51)], None),
        ([(40, 53)], 52),
        ([(40, 53), (-9, 11)], 41),  # in any order
        ([(-9, 11), (5, 11.5)], None),  # twice read is read once
        ([(-9, 20), (40, 41)], 12),  # a pause ends no silence
        ([(-40, -1)], None),
        ([(59, 90)], None),  # what is to come is not read yet
    ],
)
def test_only_the_time_in_which_it_was_read_counts_and_all_of_it(
    read: list[tuple[float, float]], since: float | None
) -> None:
    intervals = [(after(start), after(end)) for start, end in read]
    found = silent_since(Habit(LAST, HOUR, 100), "live", intervals, after(60))
    assert found == (None if since is None else after(since))
