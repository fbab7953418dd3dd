"""Where a text may name places: the longest known name at each word, with the ways in which it may be spelt.

Exact spellings come first; glued hashtags, Cyrillic cases and Turkish suffixes next; consonant skeletons last, and only for names
that look like names. Whether a mention *is* a place, and which, is decided in `place_resolution`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from app.domain.gazetteer import Gazetteer
from app.domain.gazetteer_index import pair_start
from app.domain.name_keys import ARTICLES, stem, without_articles
from app.domain.text import ReadText, Token, TokenKind, fold, variants

LONGEST_NAME = 6
GLUED_MIN = 6  # letters of a glued name outside a hashtag: shorter ones are words
SKELETON_MIN = 4  # consonants
LONGEST_SKELETON = 4  # words
_PREPOSITIONS = frozenset({"at", "as", "an", "en", "es", "et", "ad"})
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
    in_part: bool = False  # a part of a hashtag that says something else as well: "#prayforidlib"


def find_mentions(text: ReadText, gazetteer: Gazetteer) -> list[list[Mention]]:
    """Return for each place in the text its readings, the longest first; those of one word may overlap those of the next."""
    found = []
    for index, token in enumerate(text.tokens):
        if token.kind is TokenKind.WORD and (here := _at(text, index, gazetteer)):
            found.append(here)
    return found


def reach_from(text: ReadText, index: int, most: int = LONGEST_NAME) -> int:
    """Return how many tokens a name may run through from one: no stop, comma or other hashtag between, `most` at most."""
    tokens, source = text.tokens, text.text
    reach = 1
    while reach < most and index + reach < len(tokens):
        here, after = tokens[index + reach - 1], tokens[index + reach]
        gap = source[here.end : after.start]
        if gap != " " and (len(gap) > 3 or not _JOINTS.issuperset(gap)):
            break
        if here.in_hashtag != after.in_hashtag:
            break
        reach += 1
    return reach


def _at(text: ReadText, index: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the readings that begin at a token, the longest first, the surer spelling first."""
    tokens = text.tokens
    found: list[Mention] = []
    for head in gazetteer.heads(tokens[index].norm):
        if head.numbers:
            found.append(_mention(text, index, 1, _Look((head.norm,), head.numbers, Spelling.EXACT, head.clitic)))
        if head.longest > 1 and _goes_on(text, index, head.norm, gazetteer):
            for size in range(
                reach_from(text, index, head.longest + 1), 1, -1
            ):  # one more, for an article left out of the name
                norms = (head.norm, *(token.norm for token in tokens[index + 1 : index + size]))
                numbers = gazetteer.find("n", " ".join(norms))
                if (
                    not numbers
                    and not _is_preposition(text, tokens[index])
                    and (bare := without_articles(norms)) != norms
                ):
                    numbers = gazetteer.find("n", " ".join(bare))
                if numbers:
                    found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.EXACT, head.clitic)))
    if not found:
        token = tokens[index]
        if not token.norm.isascii() or token.end - token.start > len(token.norm):
            found = _inflected(text, index, gazetteer)
        return found or _glued(text, index, gazetteer)
    if len(found) > 1:
        found.sort(key=lambda mention: (-mention.last, len(mention.clitic)))
    return found


def _is_preposition(text: ReadText, token: Token) -> bool:
    """Whether an "at" or "as" is the English word, not the article of "At-Tall"."""
    return token.norm in _PREPOSITIONS and text.text[token.start].islower()


def _goes_on(text: ReadText, index: int, first: str, gazetteer: Gazetteer) -> bool:
    """Whether a name of several words may begin here: one hash of two words instead of one look-up for each length."""
    tokens = text.tokens
    at = index + 1
    while at < len(tokens) and at < index + 3 and tokens[at].norm in ARTICLES:
        at += 1
    return at < len(tokens) and gazetteer.longest_from(pair_start(first, tokens[at].norm)) > 0


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
    in_part = tokens[index].in_hashtag and _is_part(text, index, last)
    return Mention(
        index, last, start, tokens[last].end, " ".join(look.norms), look.numbers, look.spelling, clitic, in_part
    )


def _is_part(text: ReadText, first: int, last: int) -> bool:
    """Whether the hashtag that holds these tokens has other words: the character before or after belongs to it."""
    source = text.text
    start, end = text.tokens[first].start, text.tokens[last].end
    after = end < len(source) and (source[end] == "_" or source[end].isalnum())
    return after or not (start > 0 and source[start - 1] in "#＃")


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


def _inflected(text: ReadText, index: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return readings of Cyrillic cases and of Turkish names with a suffix after an apostrophe."""
    token = text.tokens[index]
    if "\u0400" <= token.norm[0] <= "\u04ff":
        first = stem(token.norm)
        longest = gazetteer.longest_from(first) if len(first) >= 3 else 0
        if not longest:
            return []
        reach = reach_from(text, index, longest)
        stems = [stem(other.norm) for other in text.tokens[index : index + reach]]
        found = []
        for size in range(reach, 0, -1):
            if numbers := gazetteer.find("t", " ".join(stems[:size])):
                norms = [other.norm for other in text.tokens[index : index + size]]
                found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.STEM)))
        return found
    surface = text.text[token.start : token.end]
    cut = max(surface.rfind("'"), surface.rfind("’"))
    if cut >= 3 and len(surface) - cut <= 5 and surface[0].isupper():
        head = fold(surface[:cut])
        if numbers := gazetteer.find("n", head):
            return [Mention(index, index, token.start, token.start + cut, head, numbers, Spelling.STEM)]
    return []


def _glued(text: ReadText, index: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the reading of one word that holds a whole name: "#jisrshughur", "معرةالنعمان"; or a name with an s ("Mexicos")."""
    token = text.tokens[index]
    if len(token.norm) < (4 if token.in_hashtag else GLUED_MIN):
        return []
    head, numbers = gazetteer.glued(token.norm)
    if numbers:
        clitic = token.norm[: len(token.norm) - len(head)]
        return [_mention(text, index, 1, _Look((head,), numbers, Spelling.GLUED, clitic))]
    if (norm := _without_s(text, token)) and (numbers := gazetteer.find("n", norm)):
        return [_mention(text, index, 1, _Look((norm,), numbers, Spelling.STEM))]
    return []


def _without_s(text: ReadText, token: Token) -> str:
    """Return a capitalised English name without the s of a genitive whose apostrophe was left out, "" where it has none."""
    if not token.norm.endswith("s") or token.in_hashtag or not text.text[token.start].isupper():
        return ""
    return token.norm[:-1]


def skeleton_mentions(text: ReadText, index: int, until: int, gazetteer: Gazetteer) -> list[Mention]:
    """Return the readings at a token whose consonants are those of a known name, the longest first, at most `until` tokens long."""
    tokens = text.tokens
    found = []
    heads = variants(tokens[index].norm)
    for size in range(_capitals(text, index, min(until, LONGEST_SKELETON)), 0, -1):
        for head in heads[-1:] if size == 1 else heads:
            norms = (head, *(token.norm for token in tokens[index + 1 : index + size]))
            bones = gazetteer.bones(norms)
            if len(bones) >= SKELETON_MIN and (numbers := gazetteer.find("s", bones)):
                clitic = tokens[index].norm[: -len(head)] if head else ""
                found.append(_mention(text, index, size, _Look(norms, numbers, Spelling.SKELETON, clitic)))
                break
    return found


def _capitals(text: ReadText, index: int, until: int) -> int:
    """Return how many of `until` tokens go on like a name: with capitals where the first has one, articles aside."""
    source, tokens = text.text, text.tokens
    if not source[tokens[index].start].isupper():
        return until
    size = 1
    while size < until and (source[tokens[index + size].start].isupper() or tokens[index + size].norm in ARTICLES):
        size += 1
    while size > 1 and tokens[index + size - 1].norm in ARTICLES:
        size -= 1
    return size
