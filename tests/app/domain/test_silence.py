from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.silence import Habit, silent_since

LAST = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3600.0


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
    since = silent_since(Habit(LAST, usual_gap_s, posts, quiet_after_h), "live", LAST + timedelta(hours=hours))
    assert (since is not None) == silent
    assert since is None or LAST < since <= LAST + timedelta(hours=hours)


@pytest.mark.parametrize("state", ["connecting", "refused", "paused", "stopped", "unknown"])
def test_a_source_that_is_not_read_is_not_called_silent(state: str) -> None:
    assert silent_since(Habit(LAST, 60, 100), state, LAST + timedelta(days=3)) is None
