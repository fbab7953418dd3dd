"""A line of a word list -> the token sequences it stands for, and the trie in which a post's tokens are looked up.

Notation of a line: `strike(s)` with or without the ending; `den[y|ies|ied]` one of the endings; `авіаудар*` any ending; `~` up to
three other words of the sentence; `=SAA` exactly so written. Arabic and Hebrew words are met with their proclitics too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.domain.text import ReadText, Token, fold, variants, words

GAP = 3  # words that a `~` may pass over
EXPANSIONS = 400  # forms a line may stand for
STEM_LENGTH = 3  # letters before a `*`, at least
_GROUP = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_PAUSES = re.compile(r"[,;:،؛()|«»]")  # a phrase does not reach over them, its gap does
_CACHE_LIMIT = 50_000  # distinct words whose first step in the trie is remembered


class Step(NamedTuple):
    """One word of a phrase: its match form, whether any ending may follow, and its exact surface if that matters."""

    norm: str
    stem: bool
    exact: str


class Hit(NamedTuple):
    """A phrase found: what it means, its first and last token, and its span in the text."""

    means: str
    first: int
    last: int
    start: int
    end: int


class PhraseError(ValueError):
    """The line is not in the notation; the message says why."""


def expand(line: str) -> list[str]:
    """Return the plain forms of a line; raise PhraseError where the brackets are wrong or stand for too much."""
    parts: list[list[str]] = []
    at = 0
    for match in _GROUP.finditer(line):
        parts.append([line[at : match.start()]])
        optional, choice = match.groups()
        parts.append(["", *optional.split("|")] if choice is None else choice.split("|"))
        at = match.end()
    parts.append([line[at:]])
    if any(bracket in piece for piece in itertools.chain.from_iterable(parts) for bracket in "()[]|"):
        raise PhraseError("brackets do not close, or stand in each other")
    size = 1
    for part in parts:
        size *= len(part)
    if size > EXPANSIONS:
        raise PhraseError(f"stands for {size} forms, at most {EXPANSIONS} are allowed")
    return list(dict.fromkeys(" ".join("".join(form).split()) for form in itertools.product(*parts)))


def steps(form: str) -> tuple[Step | None, ...]:
    """Return the steps of one plain form (None: a gap); raise PhraseError where nothing is left to match."""
    found: list[Step | None] = []
    for raw in form.split():
        if raw == "~":
            found.append(None)
            continue
        exact = raw.startswith("=")
        word = raw.removeprefix("=").removesuffix("*")
        norms = words(word)
        if "*" in word or "~" in word:
            raise PhraseError(f"{raw!r}: a * ends a word, a ~ stands alone")
        if not norms:
            raise PhraseError(f"{raw!r} holds no letter or digit")
        stem = raw.endswith("*")
        if stem and len(norms[-1]) < STEM_LENGTH:
            raise PhraseError(f"{raw!r}: at least {STEM_LENGTH} letters stand before a *")
        if exact and len(norms) > 1:
            raise PhraseError(f"{raw!r}: an exact word is one word")
        found.extend(Step(norm, stem and norm is norms[-1], word if exact else "") for norm in norms)
    if not found or found[0] is None or found[-1] is None:
        raise PhraseError("a phrase begins and ends with a word")
    return tuple(found)


class _Node:
    __slots__ = ("gap", "lengths", "means", "stems", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.lengths: tuple[int, ...] = ()
        self.gap: _Node | None = None
        self.means: list[tuple[str, str]] = []  # (means, exact surface or "")

    def child(self, step: Step | None) -> _Node:
        if step is None:
            self.gap = self.gap or _Node()
            return self.gap
        if not step.stem:
            return self.words.setdefault(step.norm, _Node())
        node = self.stems.setdefault(step.norm, _Node())
        self.lengths = tuple(sorted({len(stem) for stem in self.stems}))
        return node

    def after(self, forms: Sequence[str]) -> list[_Node]:
        """Return where a word leads, given all its forms."""
        found = []
        for form in forms:
            if (node := self.words.get(form)) is not None:
                found.append(node)
            for length in self.lengths:
                if length > len(form):
                    break
                if (node := self.stems.get(form[:length])) is not None:
                    found.append(node)
        return found


class PhraseTrie:
    """Phrases by their words. `find` is linear in the text: a phrase has few words and a gap at most three."""

    def __init__(self) -> None:
        self._root = _Node()
        self._firsts: dict[str, list[_Node]] = {}
        self._articles = re.compile("^ال(?=..)")

    def add(self, form: str, means: str) -> None:
        """Add one plain form; raise PhraseError where it cannot be matched."""
        node = self._root
        exact = ""
        for step in steps(form):
            if step is not None:
                exact = exact or step.exact
                step = step._replace(norm=self._plain(step.norm))  # noqa: PLW2901 - the article is not part of the word
            node = node.child(step)
        if (means, exact) not in node.means:
            node.means.append((means, exact))

    def find(self, text: ReadText) -> list[Hit]:
        """Return every phrase in the text, overlapping ones too, in order of their first token."""
        tokens = text.tokens
        hits: list[Hit] = []
        for index, token in enumerate(tokens):
            for node in self._first(token.norm):
                self._walk(node, text, index, index, hits)
        self._whole_hashtags(text, hits)
        return hits

    def _first(self, norm: str) -> list[_Node]:
        nodes = self._firsts.get(norm)
        if nodes is None:
            nodes = self._root.after(self._forms(norm))
            if len(self._firsts) < _CACHE_LIMIT:
                self._firsts[norm] = nodes
        return nodes

    def _walk(self, node: _Node, text: ReadText, first: int, last: int, hits: list[Hit]) -> None:
        tokens = text.tokens
        start, end = tokens[first].start, tokens[last].end
        for means, exact in node.means:
            if not exact or any(text.text[token.start : token.end] == exact for token in tokens[first : last + 1]):
                hits.append(Hit(means, first, last, start, end))
        if last + 1 >= len(tokens) or tokens[last + 1].sentence != tokens[last].sentence:
            return
        if (node.words or node.stems) and not _PAUSES.search(text.text, end, tokens[last + 1].start):
            for child in node.after(self._forms(tokens[last + 1].norm)):
                self._walk(child, text, first, last + 1, hits)
        if node.gap is not None:
            for ahead in self._gap(tokens, last):
                for child in node.gap.after(self._forms(tokens[ahead].norm)):
                    self._walk(child, text, first, ahead, hits)

    def _gap(self, tokens: Sequence[Token], last: int) -> Iterator[int]:
        for ahead in range(last + 1, min(len(tokens), last + 2 + GAP)):
            if tokens[ahead].sentence != tokens[last].sentence:
                return
            yield ahead

    def _whole_hashtags(self, text: ReadText, hits: list[Hit]) -> None:
        """`#RuAF` is read as "Ru" and "AF": its body as one word is looked up too."""
        if not text.hashtags:
            return
        at = {token.start: index for index, token in enumerate(text.tokens) if token.in_hashtag}
        for tag in text.hashtags:
            first = at.get(tag.start + 1)
            if first is None or text.tokens[first].end == tag.end:
                continue
            last = first
            while last + 1 < len(text.tokens) and text.tokens[last + 1].end <= tag.end:
                last += 1
            for node in self._first(fold(tag.norm)):
                hits.extend(
                    Hit(means, first, last, tag.start, tag.end)
                    for means, exact in node.means
                    if not exact or text.text[tag.start + 1 : tag.end] == exact
                )

    def _plain(self, norm: str) -> str:
        return self._articles.sub("", norm) if len(norm) > 4 else norm

    @staticmethod
    def _forms(norm: str) -> Sequence[str]:
        if norm.isascii():
            return (norm,)
        return variants(norm)
