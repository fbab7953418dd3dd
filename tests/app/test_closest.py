"""Which right name was meant."""

from __future__ import annotations

import pytest

from app.closest import closest, hint

NAMES = ("grade", "owner", "RuAF")


@pytest.mark.parametrize(
    ("wrong", "right"), [("grad", "grade"), ("OWNR", "owner"), ("ruaff", "RuAF"), ("zzz", None), ("", None)]
)
def test_the_nearest_name_is_found_whatever_its_case(wrong: str, right: str | None) -> None:
    assert closest(wrong, NAMES) == right


def test_a_hint_is_nothing_where_no_name_is_near() -> None:
    assert hint("grad", NAMES) == "; did you mean grade?"
    assert hint("zzz", NAMES) == ""
