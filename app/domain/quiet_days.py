"""A reading -> the quiet days that the post itself tells: "first in 22 days", "after three weeks of calm"."""

from __future__ import annotations

from app.domain.numbers import Number, find_numbers
from app.domain.phrases import Hit
from app.domain.reading import Reading

UNIT_DAYS = {"day": 1, "week": 7, "month": 30}
_WINDOW = 16  # words from "first" to its number
_MOST = 3_650


def find_quiet_days(reading: Reading) -> int | None:
    """Return whole days (weeks x 7, months x 30) since the last time, as said; None where nothing is said."""
    if not reading.family("first") and not reading.family("lull"):
        return None
    numbers = find_numbers(reading)
    for unit, days in UNIT_DAYS.items():
        for word in reading.family(unit):
            count = _count(reading, word, numbers)
            if count is None:
                continue
            first_token = word.first if count[1] is None else count[1].first
            if _after_first(reading, first_token, word) or _beside_lull(reading, first_token, word):
                return min(count[0] * days, _MOST)
    return None


def _count(reading: Reading, unit: Hit, numbers: list[Number]) -> tuple[int, Number | None] | None:
    """Return how many units, and the number that says it (None: "a week", or a dual)."""
    for number in numbers:
        between = range(number.last + 1, unit.first)
        beside = (
            unit.first > number.last
            and len(between) <= 1
            and reading.tokens[number.last].sentence == reading.sentence(unit)
        )
        if beside and all(reading.is_in(index, "quiet") for index in between):
            return number.low, number
    if any(hit.first == unit.first for hit in reading.family("two_of")):
        return 2, None
    if reading.is_in(unit.first - 1, "one") or _since(reading, unit.first):
        return None if reading.is_in(unit.first, "several_units") else (1, None)
    return None


def _since(reading: Reading, first: int) -> Hit | None:
    """Return the "in", "since" or "منذ" that leads to the number, over words like "more than"."""
    at = first - 1
    while reading.is_in(at, "about") and at > first - 5:
        found = next((hit for hit in reading.family("since") if hit.last == at), None)
        if found is not None:
            return found
        at -= 1
    return next((hit for hit in reading.family("since") if hit.last == at), None) if at >= 0 else None


def _after_first(reading: Reading, first_token: int, unit: Hit) -> bool:
    since = _since(reading, first_token)
    if since is None:
        return False
    harmed = [hit.first for name in ("killed", "wounded") for hit in reading.family(name)]
    return any(
        0 <= since.first - word.last <= _WINDOW
        and reading.sentence(word) == reading.sentence(unit)
        and not any(word.last < at < since.first for at in harmed)  # "first strike kills 9 in two days" tells no lull
        for word in reading.family("first")
    )


def _beside_lull(reading: Reading, first_token: int, unit: Hit) -> bool:
    """“22 days of calm”, "a 22-day lull", "هدوء دام 22 يوما", "22 quiet days"."""
    return any(
        reading.sentence(word) == reading.sentence(unit)
        and (
            0 <= word.first - unit.last <= 3
            or -1 <= first_token - word.last <= 3
            or first_token < word.first < unit.first
        )
        for word in reading.family("lull")
    )
