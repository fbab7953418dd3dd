"""Numbers in a reading: digits of any script, number words of the lexicon, ranges and "at least", as token spans with their values."""

from __future__ import annotations

from typing import NamedTuple

from app.domain.reading import Reading
from app.domain.text import TokenKind

LARGEST = 100_000  # beyond it a figure is no count of people


class Number(NamedTuple):
    """A count said in tokens `first` to `last`: between `low` and `high`."""

    first: int
    last: int
    low: int
    high: int


def find_numbers(reading: Reading) -> list[Number]:
    """Return the numbers of a text in order, ranges joined: "3-5", "between 3 and 5", "from 3 to 5"."""
    singles = _singles(reading)
    joined: list[Number] = []
    for number in singles:
        if joined and _is_range(reading, joined[-1], number):
            joined[-1] = Number(joined[-1].first, number.last, joined[-1].low, number.high)
        else:
            joined.append(number)
    return joined


def _singles(reading: Reading) -> list[Number]:
    words: dict[int, tuple[int, int]] = {}
    for hit in reading.family("number"):
        value = reading.lexicon.numbers[hit.means]
        if hit.first not in words or words[hit.first][0] < hit.last:
            words[hit.first] = (hit.last, value)
    found: list[Number] = []
    index = 0
    tokens = reading.tokens
    while index < len(tokens):
        token = tokens[index]
        last, value = index, -1
        if token.kind is TokenKind.NUMBER:
            value = int(token.norm) if token.norm.isascii() and token.norm.isdigit() and len(token.norm) < 7 else -1
        elif index in words:
            last, value = words[index]
            value, last = _composed(words, value, last)
        if 0 <= value <= LARGEST:
            found.append(Number(index, last, value, value))
        index = last + 1
    return found


def _composed(words: dict[int, tuple[int, int]], value: int, last: int) -> tuple[int, int]:
    """“twenty-two”, "اثنان وعشرون": tens and units said together."""
    after = words.get(last + 1)
    if after is None:
        return value, last
    small, large = sorted((value, after[1]))
    if 0 < small < 10 and 20 <= large <= 90:
        return small + large, after[0]
    return value, last


def _is_range(reading: Reading, left: Number, right: Number) -> bool:
    if (
        reading.tokens[left.last].sentence != reading.tokens[right.first].sentence
        or not 0 < left.high < right.low <= left.high * 10
    ):
        return False
    between = reading.text.text[reading.tokens[left.last].end : reading.tokens[right.first].start].strip()
    if right.first == left.last + 1:
        return between in {"-", "–", "—", "~"}
    if right.first != left.last + 2:
        return False
    middle = left.last + 1
    return reading.is_in(middle, "up_to") or (
        reading.is_in(middle, "range_and") and reading.is_in(left.first - 1, "range_opens")
    )
