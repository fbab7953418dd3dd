"""Counts in digits of any script, in words, and as ranges."""

from __future__ import annotations

import pytest

from app.domain.lexicon import load_lexicon
from app.domain.numbers import find_numbers
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


def numbers(text: str) -> list[tuple[int, int]]:
    read = read_text(text)
    return [(number.low, number.high) for number in find_numbers(Reading(read, LEXICON, LEXICON.find(read)))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 people", [(12, 12)]),
        ("١٢ شخصا", [(12, 12)]),
        ("1,200 people", [(1200, 1200)]),
        ("five and twelve", [(5, 5), (12, 12)]),
        ("twenty-two people", [(22, 22)]),
        ("خمسة أطفال", [(5, 5)]),
        ("ثلاثة عشر شخصا", [(13, 13)]),
        ("3-5 people", [(3, 5)]),
        ("3 to 5 people", [(3, 5)]),
        ("between 30 and 40 people", [(30, 40)]),
        ("30 and 40 people", [(30, 30), (40, 40)]),
        ("من 3 إلى 5 أشخاص", [(3, 5)]),
        ("10:05 at 22.5 km", [(10, 10), (5, 5)]),
        ("99999999999 people", []),
        ("nothing", []),
    ],
)
def test_numbers_are_read(text: str, expected: list[tuple[int, int]]) -> None:
    assert numbers(text) == expected
