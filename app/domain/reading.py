"""A text with its lexicon words, as the readers of kinds, claims, actors and tolls see it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.domain.lexicon import Lexicon
from app.domain.phrases import Hit
from app.domain.text import ReadText, Token

MOST_HITS = 100  # of a family that are read; a long article has thirty, and readers compare each with each
_DOING = frozenset({"kind", "act", "weapon", "party"})
_PAUSES = frozenset(',;:،؛()[]«»“”"—–|/…')


@dataclass(slots=True)
class Reading:
    """One post's text while it is read. `places` are the first and last token of every place; `country` is where its events lie.

    `year` is the one in which it was posted, as far as known.
    """

    text: ReadText
    lexicon: Lexicon
    hits: list[Hit]
    places: Sequence[tuple[int, int]] = ()
    country: str | None = None
    year: int | None = None
    _families: dict[str, list[Hit]] = field(default_factory=dict)
    _asked: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        families: dict[str, list[Hit]] = defaultdict(list)
        for hit in self.hits:
            family, _, name = hit.means.partition(":")
            for key in (family, name) if family == "word" else (family,):
                if len(families[key]) < MOST_HITS:
                    families[key].append(hit)
        self._families = dict(families)

    @property
    def tokens(self) -> tuple[Token, ...]:
        return self.text.tokens

    def family(self, name: str) -> Sequence[Hit]:
        """Return the hits of a family ("kind", "cue", ...) or of a word class ("killed", "by", ...), in order."""
        return self._families.get(name, ())

    def sentence(self, hit: Hit) -> int:
        return self.tokens[hit.first].sentence

    def surface(self, hit: Hit) -> str:
        return self.text.text[hit.start : hit.end]

    def pause(self, left: int, right: int) -> bool:
        """Tell whether a comma, bracket or the like stands between the end of token `left` and token `right`."""
        between = self.text.text[self.tokens[left].end : self.tokens[right].start]
        return any(char in _PAUSES for char in between)

    def is_in(self, index: int, name: str) -> bool:
        """Tell whether a token is in a set of small words; there is none before the first or after the last."""
        return 0 <= index < len(self.tokens) and self.tokens[index].norm in self.lexicon.sets[name]

    def follows(self, index: int) -> bool:
        """Tell whether a token stands in the same sentence as the one before it."""
        return 0 < index < len(self.tokens) and self.tokens[index - 1].sentence == self.tokens[index].sentence

    def between(self, left: Hit, right: Hit, name: str) -> bool:
        """Tell whether a word of the class stands between two hits."""
        return any(left.last < hit.first and hit.last < right.first for hit in self.family(name))

    def asks(self, sentence: int) -> bool:
        """Tell whether a sentence ends with a question mark."""
        if sentence not in self._asked:
            self._asked[sentence] = self._ends_asking(sentence)
        return self._asked[sentence]

    def _ends_asking(self, sentence: int) -> bool:
        indices = [index for index, token in enumerate(self.tokens) if token.sentence == sentence]
        if not indices:
            return False
        end = self.tokens[indices[-1]].end
        after = self.tokens[indices[-1] + 1].start if indices[-1] + 1 < len(self.tokens) else end + 3
        return any(mark in self.text.text[end:after] for mark in "?؟")

    @property
    def hazard(self) -> bool:
        """Tell whether a hashtag says that the post is about a storm, a fire or a flood."""
        stems = self.lexicon.stems["hazard"]
        return any(stem in tag.norm for tag in self.text.hashtags for stem in stems)

    @property
    def disaster(self) -> bool:
        """Tell whether the post is about a storm, a fire or a quake: a hashtag or any word of it says so."""
        return bool(self.family("disaster")) or self.hazard

    def labels(self, hit: Hit) -> bool:
        """Tell whether a hit is part of a hashtag that names a topic ("#BeirutExplosion"): with words that say nothing of what was done.

        A stem that meets the whole hashtag, its "#" included, tells only of its first word.
        """
        if not self.tokens[hit.first].in_hashtag:
            return False
        tag = next((tag for tag in self.text.hashtags if tag.start <= hit.start < tag.end), None)
        if tag is None:
            return False
        inside = [i for i, token in enumerate(self.tokens) if tag.start <= token.start < tag.end]
        if len(inside) == 1:
            return False
        told = {
            index
            for other in self.hits
            if other.start > tag.start and other.end <= tag.end and other.means.partition(":")[0] in _DOING
            for index in range(other.first, other.last + 1)
        }
        return any(index not in told for index in inside)

    def only_hashtags(self) -> frozenset[int]:
        """Return the sentences that are nothing but hashtags: their words belong to the whole post."""
        plain: dict[int, bool] = {}
        for token in self.tokens:
            plain[token.sentence] = plain.get(token.sentence, False) or not token.in_hashtag
        return frozenset(sentence for sentence, has_words in plain.items() if not has_words)


def token_span(tokens: Sequence[Token], start: int, end: int) -> tuple[int, int] | None:
    """Return the first and last token that lie in a span of the text, or None."""
    first = bisect_left(tokens, start, key=lambda token: token.start)
    last = bisect_right(tokens, end, key=lambda token: token.end) - 1
    return (first, last) if first <= last else None


def overlaps(hit: Hit, spans: Iterable[tuple[int, int]]) -> bool:
    """Tell whether a hit shares a token with one of the spans."""
    return any(hit.first <= last and first <= hit.last for first, last in spans)
