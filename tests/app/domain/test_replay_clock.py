from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.replay_clock import FOLLOWING, ReplayClock, first_time

DAY_ZERO = datetime(2018, 8, 13, tzinfo=UTC)


def at(days: float) -> datetime:
    return DAY_ZERO + timedelta(days=days)


def play(days: list[float | None]) -> list[float]:
    """Return the seen_at of each line, in days, as a replay of these dates gives it."""
    times = [None if day is None else at(day) for day in days]
    dated = [time for time in times if time is not None]
    clock = ReplayClock(first_time(dated) or DAY_ZERO)
    seen = []
    passed = 0
    for time in times:
        passed += time is not None
        rest = dated[passed : passed + FOLLOWING]
        seen.append((clock.read(time, lambda rest=rest: rest) - DAY_ZERO) / timedelta(days=1))  # type: ignore[misc]
    return seen


@pytest.mark.parametrize(
    ("days", "seen"),
    [
        ([0, 0.5, 0.2, None, 0.6], [0, 0.5, 0.5, 0.5, 0.6]),  # out of order and undated lines never set it back
        ([0, 22, 22.1], [0, 22, 22.1]),  # a leap that the next line confirms
        ([0, 300, 0.1, 0.2], [0, 0, 0.1, 0.2]),  # one wrong date
        ([0, 300, 400, 500, 0.1, 0.2], [0, 0, 0, 0, 0.1, 0.2]),  # several wrong dates in a row
        ([0, 7, 14, 21], [0, 7, 14, 21]),  # posts a week apart
        ([0, 22], [0, 22]),  # the last line of a file
        ([300, 0, 0.1], [0, 0, 0.1]),  # the first date is the wrong one
        ([None, 5, 5.1], [5, 5, 5.1]),  # lines before the first date share it
        ([None, None], [0, 0]),
    ],
)
def test_seen_at_follows_the_dates_that_hold(days: list[float | None], seen: list[float]) -> None:
    assert play(days) == pytest.approx(seen)


@given(st.lists(st.none() | st.floats(0, 4000), max_size=40))
def test_seen_at_never_goes_back(days: list[float | None]) -> None:
    seen = play(days)
    assert seen == sorted(seen)
