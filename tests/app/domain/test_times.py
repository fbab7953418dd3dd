from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.times import EARLIEST, plausible, read_time

WALL = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2018-09-04T08:01:00Z", datetime(2018, 9, 4, 8, 1, tzinfo=UTC)),
        ("2018-09-04T08:01:00.250Z", datetime(2018, 9, 4, 8, 1, 0, 250_000, tzinfo=UTC)),
        ("2018-09-04T11:01:00+03:00", datetime(2018, 9, 4, 8, 1, tzinfo=UTC)),
        ("2018-09-04 08:01:00", datetime(2018, 9, 4, 8, 1, tzinfo=UTC)),
    ],
)
def test_iso_times_are_read_as_utc(given: str, read: datetime) -> None:
    assert read_time(given) == read


@pytest.mark.parametrize(
    "given", [None, "", "yesterday", 1536048060, "0001-01-01T00:00:00+23:59", "10000-01-01T00:00:00Z", "2018" * 40]
)
def test_what_is_no_time_is_none(given: object) -> None:
    assert read_time(given) is None


def test_a_time_is_plausible_from_the_first_public_post_to_five_minutes_ahead() -> None:
    assert plausible(EARLIEST, WALL)
    assert plausible(WALL + timedelta(minutes=5), WALL)
    assert not plausible(EARLIEST - timedelta(seconds=1), WALL)
    assert not plausible(WALL + timedelta(minutes=5, seconds=1), WALL)
