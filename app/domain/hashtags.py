"""Cutting a hashtag's body into its words by how it is written: underscores, digits, capitals."""

from __future__ import annotations

import re
from itertools import pairwise

_PART = re.compile(r"[^_0]+|0+")
# "JisrShoghur" at l|U, "SAAStrikes" at U|Ul. Classes: A/S upper, a/s lower or caseless, r Arabic, m mark, z invisible.
_CAMEL = re.compile(r"(?<=[asm])(?=[AS])|(?<=[AS])(?=[AS][as])|(?<=r)(?=[AaSs])|(?<=[AaSs])(?=r)")
_SHORT = frozenset(
    {
        "al",
        "el",
        "as",
        "ar",
        "an",
        "at",
        "ad",
        "az",
        "de",
        "la",
        "le",
        "st",
        "of",
        "in",
        "on",
        "to",
        "is",
        "no",
        "my",
        "we",
    }
)


def cut_tag(classes: str, body: str) -> list[tuple[int, int]]:
    """Return the spans of the parts of a hashtag's body, without its '#'; `classes` are the scanner's class letters of it."""
    spans: list[tuple[int, int]] = []
    for part in _PART.finditer(classes):
        start, end = part.span()
        while start < end and classes[start] in "mz":  # an invisible character is no word
            start += 1
        if start < end:
            spans.extend(_cut_camel(classes, body, start, end))
    return spans


def _cut_camel(classes: str, body: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut at capitals, unless that would tear an abbreviation: "RuAF" and "McCain" stay whole, "USStrikes" does not."""
    cuts = [
        start,
        *(match.start() for match in _CAMEL.finditer(classes, start, end) if start < match.start() < end),
        end,
    ]
    spans = list(pairwise(cuts))
    for index, (left, right) in enumerate(spans):
        if right - left >= 3 or body[left:right].casefold() in _SHORT:
            continue
        follows = spans[index + 1] if index + 1 < len(spans) else (0, 0)
        if body[left:right].isupper() and follows[1] - follows[0] >= 4:
            continue
        return [(start, end)]
    return spans
