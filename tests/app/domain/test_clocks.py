from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.clocks import BUILT, agreed, apart, before_build, offset_of, offset_of_date

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def second(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("asked", "answered", "offset"),
    [
        (0.2, 0.4, 0),
        (0.9, 30, 0),  # they looked at some time in between
        (-30, 0.1, 0),
        (1.0, 1.1, 0),  # the header has whole seconds
        (1.4, 1.5, 0.4),
        (613, 620, 612),
        (-620, -612, -612),
    ],
)
def test_the_smallest_offset_that_explains_a_reply_is_the_one_believed(
    asked: float, answered: float, offset: float
) -> None:
    found = offset_of_date("Mon, 01 Mar 2027 12:00:00 GMT", second(asked), second(answered))
    assert found == pytest.approx(offset)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "yesterday",
        "Mon, 01 Mar 2027",
        "Mon, 99 Foo 2027 12:00:00 GMT",
        "\x00",
        "9" * 400,
        "1 Jan 99999999999",
    ],
)
def test_a_date_that_is_none_says_nothing(header: str | None) -> None:
    assert offset_of_date(header, second(0), second(1)) is None


def test_a_reply_during_which_our_clock_was_set_back_says_nothing() -> None:
    assert offset_of_date("Mon, 01 Mar 2027 12:00:00 GMT", second(600), second(1)) is None


def test_a_date_in_another_zone_or_in_none_is_read_as_its_moment() -> None:
    for header in ("Mon, 01 Mar 2027 14:00:00 +0200", "Mon, 01 Mar 2027 12:00:00"):
        assert offset_of_date(header, second(0), second(0.5)) == 0


def test_a_clock_that_tells_fractions_is_taken_at_its_word() -> None:
    assert offset_of(second(0), second(0.5), second(0.6)) == 0.5
    assert offset_of(second(0), second(-0.6), second(-0.5)) == -0.5


@pytest.mark.parametrize(
    ("offsets", "middle"),
    [([], None), ([612], 612), ([0, 612], 0), ([-3, 612], -3), ([0, 1, 612], 1), ([600, 612, 0, 612], 600)],
)
def test_one_clock_that_is_wrong_among_others_is_not_believed(offsets: list[float], middle: float | None) -> None:
    assert agreed(offsets) == middle


def test_a_clock_before_this_build_is_known_to_be_wrong() -> None:
    assert before_build(BUILT) is None
    assert "the clock says 1970-01-01, before this build" in (before_build(datetime(1970, 1, 1, tzinfo=UTC)) or "")


def test_an_offset_is_said_in_words() -> None:
    assert (apart(612.4), apart(-3)) == ("612 s ahead", "3 s behind")
