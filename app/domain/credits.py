"""A reading -> whom a post credits as its source ("via @x", "according to X"), and whether it is a round-up of many places."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from app.domain.phrases import Hit
from app.domain.reading import Reading

MOST = 8  # credits kept
_NEXT_TO = 3  # characters between "via" and the handle
_NAME_WORDS = 5  # words of a credited name
_PLACES_OF_A_LIST = 5  # places of town size in one post that are told line by line
_LINES_OF_A_LIST = 3


def find_credits(reading: Reading) -> tuple[str, ...]:
    """Return handles ("@x") and names credited, in order, once each."""
    found: dict[str, None] = {}
    text = reading.text.text
    ends = [token.end for token in reading.tokens]
    for mention in reading.text.mentions:
        before = bisect_right(ends, mention.start) - 1
        if before >= 0 and mention.start - ends[before] <= _NEXT_TO and _leads_to_source(reading, before):
            found[text[mention.start : mention.end]] = None
    for hit in reading.family("credit"):
        name = _name(reading, hit)
        if name:
            found[name] = None
    return tuple(found)[:MOST]


def _leads_to_source(reading: Reading, before: int) -> bool:
    return reading.is_in(before, "credits_next") or any(hit.last == before for hit in reading.family("credit"))


def _name(reading: Reading, hit: Hit) -> str:
    """Return the name after a credit: up to a pause, a word of saying or of war, five words at most."""
    tokens = reading.tokens
    stops = {
        word.first for name in ("says", "kind", "act", "weapon", "since", "background") for word in reading.family(name)
    }
    last = hit.last
    while last + 1 < len(tokens) and last - hit.last < _NAME_WORDS:
        ahead = last + 1
        if (
            tokens[ahead].sentence != tokens[hit.last].sentence
            or ahead in stops
            or (last > hit.last and reading.pause(last, ahead))
        ):
            break
        last = ahead
    if last == hit.last or reading.is_in(hit.last + 1, "no_source"):
        return ""
    name = reading.text.text[tokens[hit.last + 1].start : tokens[last].end]
    return name if name[:1].isupper() or not name.isascii() or (name.startswith("the ") and name[4:5].isupper()) else ""


def is_round_up(reading: Reading, towns: Iterable[str]) -> bool:
    """Tell whether the post sums up a day: it says so, or it lists five towns over three lines or more."""
    if reading.family("round_up"):
        return True
    lines = {reading.tokens[first].sentence for first, _ in reading.places}
    return len(set(towns)) >= _PLACES_OF_A_LIST and len(lines) >= _LINES_OF_A_LIST
