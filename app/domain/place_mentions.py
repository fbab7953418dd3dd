"""Where a text may name places: the longest known name at each word, with the ways in which it may be spelt.

Exact spellings come first; glued hashtags, Cyrillic cases and Turkish suffixes next; consonant skeletons last, and only for names
that look like names. Whether a mention *is* a place, and which, is decided in `place_resolution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from app.domain.gazetteer import Gazetteer
from app.domain.name_keys import skeleton, stem, without_articles
from app.domain.text import ReadText, Token, TokenKind, variants

LONGEST_NAME = 6
GLUED_MIN = 6  # letters of a glued name outside a hashtag: shorter ones are words
SKELETON_MIN = 4  # consonants
_JOINTS = frozenset(" -‐‑‒–—'’`_\u00a0\u200b\u200c\u200d\u200e\u200f\t")


class Spelling(IntEnum):
    """How a mention is written, the surer the lower."""

    EXACT = 0
    STEM = 1  # another case of the name
    GLUED = 2
    SKELETON = 3  # the consonants agree


@dataclass(slots=True)
class Mention:
    """A stretch of tokens that may be a place. `numbers`: place number * 2 + (1 where the name is a secondary one).

    `clitic` is what stands before the name in its first word ("ب" of "بإدلب").
    """

    first: int
    last: int  # index of its last token
    start: int
    end: int
    norm: str
    numbers: Sequence[int]
    spelling: Spelling
    clitic: str = ""


def find_mentions(text: ReadText, gazetteer: Gazetteer) -> list[list[Mention]]:
    """Return for each place in the text its readings, the longest first; those of one word may overlap those of the next."""
    tokens = text.tokens
    reach = _reaches(text)
    found = []
    for index, token in enumerate(tokens):
        if token.kind is TokenKind.WORD:
            here = _at(text, index, reach[index], gazetteer)
            if here:
                found.append(here)
    return found


def _reaches(text: ReadText) -> list[int]:
    """Return for each token how many tokens a name may run through from it: no stop, comma or other hashtag between."""
    tokens, source = text.tokens, text.text
    reach = [1] * len(tokens)
    for index in range(len(tokens) - 2, -1, -1):
        here, after = tokens[index], tokens[index + 1]
        gap = source[here.end : after.start]
        if len(gap) <= 3 and here.in_hashtag == after.in_hashtag and all(char in _JOINTS for char in gap):
            reach[index] = min(LONGEST_NAME, reach[index + 1] + 1)
    return reach


def _at(text: ReadText, index: int, reach: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the readings that begin at a token, the longest first, the surer spelling first."""
    tokens = text.tokens
    found: list[Mention] = []
    for head in variants(tokens[index].norm):
        clitic = tokens[index].norm[: -len(head)] if head else ""
        for size in range(min(reach, _longest(gazetteer, head)), 0, -1):
            norms = (head, *(token.norm for token in tokens[index + 1 : index + size]))
            numbers = gazetteer.find("n", " ".join(norms))
            if not numbers and size > 1 and (bare := without_articles(norms)) != norms:
                numbers = gazetteer.find("n", " ".join(bare))
            if numbers:
                found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.EXACT, clitic)))
    if not found:
        found = _inflected(text, index, reach, gazetteer) or _glued(text, index, gazetteer)
    found.sort(key=lambda mention: (-mention.last, len(mention.clitic)))
    return found


def _longest(gazetteer: Gazetteer, head: str) -> int:
    """Return how many tokens a name beginning with `head` may take: one more than it has words, for an article left out of it."""
    longest = gazetteer.longest_from(head)
    return longest + 1 if longest > 1 else longest


@dataclass(frozen=True, slots=True)
class _Look:
    """A look-up that found something: the norms it was made with, what was cut off the first, how the name is spelt."""

    norms: Sequence[str]
    numbers: Sequence[int]
    spelling: Spelling
    clitic: str = ""


def _mention(text: ReadText, index: int, size: int, look: _Look) -> Mention:
    tokens, clitic = text.tokens, look.clitic
    last = index + size - 1
    start = tokens[index].start
    if clitic and clitic != "ال":  # the article belongs to the name, a preposition does not
        start += _clitic_length(text.text, tokens[index], clitic.removesuffix("ال"))
    return Mention(index, last, start, tokens[last].end, " ".join(look.norms), look.numbers, look.spelling, clitic)


def _clitic_length(source: str, token: Token, clitic: str) -> int:
    """Return how many code points of the surface the clitic takes: marks and tatweel between its letters count."""
    left = len(clitic)
    at = token.start
    while left and at < token.end - 2:
        if source[at] in "وفبلكסהומש" or source[at].isalpha():
            left -= source[at] != "ـ"
        at += 1
    while at < token.end - 2 and not source[at].isalpha():
        at += 1
    return at - token.start


def _inflected(text: ReadText, index: int, reach: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return readings of Cyrillic cases and of Turkish names with a suffix after an apostrophe."""
    token = text.tokens[index]
    if "\u0400" <= token.norm[0] <= "\u04ff":
        stems = [stem(other.norm) for other in text.tokens[index : index + reach]]
        found = []
        for size in range(min(reach, gazetteer.longest_from(stems[0])), 0, -1):
            if len(stems[0]) >= 3 and (numbers := gazetteer.find("t", " ".join(stems[:size]))):
                norms = [other.norm for other in text.tokens[index : index + size]]
                found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.STEM)))
        return found
    surface = text.text[token.start : token.end]
    cut = max(surface.rfind("'"), surface.rfind("’"))
    if cut >= 3 and len(surface) - cut <= 5 and surface[0].isupper():
        head = surface[:cut].casefold().replace("i̇", "i")
        if numbers := gazetteer.find("n", head):
            return [Mention(index, index, token.start, token.start + cut, head, numbers, Spelling.STEM)]
    return []


def _glued(text: ReadText, index: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the reading of one word that holds a whole name: "#jisrshughur", "معرةالنعمان"."""
    token = text.tokens[index]
    if len(token.norm) < (4 if token.in_hashtag else GLUED_MIN):
        return []
    for head in variants(token.norm):
        if numbers := gazetteer.find("j", head):
            clitic = token.norm[: -len(head)]
            return [_mention(text, index, 1, _Look([head], numbers, Spelling.GLUED, clitic))]
    return []


def skeleton_mentions(text: ReadText, index: int, reach: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the readings at a token whose consonants are those of a known name, the longest first."""
    tokens = text.tokens
    found = []
    for size in range(min(reach, 4), 0, -1):
        for head in variants(tokens[index].norm)[-1:] if size == 1 else variants(tokens[index].norm):
            norms = (head, *(token.norm for token in tokens[index + 1 : index + size]))
            bones = skeleton(norms)
            if len(bones) >= SKELETON_MIN and (numbers := gazetteer.find("s", bones)):
                clitic = tokens[index].norm[: -len(head)] if head else ""
                found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.SKELETON, clitic)))
                break
    return found


def reaches(text: ReadText) -> list[int]:
    """Return for each token how many tokens a name may run through from it."""
    return _reaches(text)
