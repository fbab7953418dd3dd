"""A rule and a post -> whether it holds, and every reason. Live matching, backtest and explain all end here.

Words match in any letter case, width and accent, with or without Arabic and Hebrew proclitics, in the text and inside hashtags.
`near:` and `place:` look only at where it happened (places of role "event"), and hold only for a place that is known well enough:
a report that says "in Syria" is near no town.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from app.domain.geo import distance_km
from app.domain.rule_ast import And, Node, Not, Op, Or, Rule, Term, holds, leaves, pushed
from app.domain.text import ReadText, variants
from app.messages import PlaceTag, Post, Tags

if TYPE_CHECKING:  # settings read watches before anything heavy is loaded, and a gazetteer is heavy
    from app.domain.gazetteer import Gazetteer, Place

Span = tuple[int, int]
WORD_OPS = frozenset({Op.WORD, Op.PHRASE, Op.HASHTAG, Op.MENTION})
PLACE_OPS = frozenset({Op.NEAR, Op.PLACE})
MOST_SPANS = 50  # of one term in one post; a reason shows them, and nobody reads more
COUNTRYSIDE_KM = 20.0  # an area of this radius still is "that town" for `near:`, however small the distance asked for


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a term holds. `spans` are code points of the post's text; `distance_km` is that of the place from the one asked for."""

    operator: str
    term: str
    says: str
    spans: tuple[Span, ...] = ()
    place_id: str | None = None
    place: str | None = None
    distance_km: float | None = None


class Match(msgspec.Struct, frozen=True):
    """A rule holds for a post, for these reasons."""

    reasons: tuple[Reason, ...]

    def sentences(self) -> tuple[str, ...]:
        """Return the reasons in plain English, each once."""
        return tuple(dict.fromkeys(reason.says for reason in self.reasons))


@lru_cache(maxsize=50_000)
def _forms(norm: str) -> tuple[str, ...]:
    """A pure function remembered: a feed says the same few thousand words all day."""
    return variants(norm)


class PostWords:
    """A post as rules look at it: its word forms and labels, and where they stand. Built once for all rules.

    `said` holds every form of every word. Where they stand is worked out at the first question for it, which few posts get.
    """

    __slots__ = ("_at", "hashtags", "mentions", "post", "said", "tags", "text")

    def __init__(self, post: Post, text: ReadText, tags: Tags) -> None:
        self.post = post
        self.text = text
        self.tags = tags
        self._at: dict[str, list[int]] | None = None
        norms = {token[0] for token in text.tokens}
        self.said = norms if text.text.isascii() else {form for norm in norms for form in _forms(norm)}
        self.hashtags = {tag.norm: (tag.start, tag.end) for tag in reversed(text.hashtags)} if text.hashtags else {}
        self.mentions = {tag.norm: (tag.start, tag.end) for tag in reversed(text.mentions)} if text.mentions else {}

    @property
    def at(self) -> dict[str, list[int]]:
        """At which tokens each form stands, in order."""
        if self._at is None:
            self._at = {}
            for number, token in enumerate(self.text.tokens):
                for form in _forms(token[0]):
                    self._at.setdefault(form, []).append(number)
        return self._at

    def langs(self) -> tuple[str, ...]:
        """The language that the platform gives, else the one that was read; primary subtag only."""
        lang = self.post.lang if self.post.lang not in {None, "", "und"} else self.tags.lang
        primary = (lang or "und").replace("_", "-").partition("-")[0].casefold()
        return ({"iw": "he", "in": "id"}.get(primary, primary),)

    def authors(self) -> tuple[str, str]:
        handle = self.post.author.removeprefix("@").casefold()
        return handle, f"{self.post.platform}:{handle}"

    def where(self) -> Iterator[PlaceTag]:
        return (place for place in self.tags.places if place.role == "event")

    def phrase_spans(self, norms: Sequence[str]) -> list[Span]:
        """Return where these words stand one after the other, the first `MOST_SPANS` of them."""
        if not self.said.issuperset(norms):
            return []
        tokens = self.text.tokens
        # Sets: in a post that says one word 5,000 times, looking through lists would take seconds.
        later = [set(self.at[norm]) for norm in norms[1:]]
        starts = (
            first for first in self.at[norms[0]] if all(first + step in places for step, places in enumerate(later, 1))
        )
        return [(tokens[first].start, tokens[first + len(later)].end) for first in islice(starts, MOST_SPANS)]


class PlaceTest:
    """`near:` or `place:` resolved: holds for an event's place, which it must know well enough."""

    def __init__(self, term: Term, place: Place, gazetteer: Gazetteer) -> None:
        self.term = term
        self.place = place
        self.gazetteer = gazetteer

    @property
    def feature(self) -> str:
        return f"{self.term.op}:{self.place.place_id}~{self.term.radius_km:g}"

    def away(self, tag: PlaceTag) -> float:
        return distance_km(self.place.lat, self.place.lon, tag.lat, tag.lon)

    def distance(self, tag: PlaceTag) -> float | None:
        """Return the distance in km where the test holds for this place, None where it does not."""
        away = self.away(tag)
        if self.term.op is Op.PLACE:
            return away if self._within(tag) else None
        # A town counts by its middle; an area as wide as a region counts only where the whole of it lies within the distance.
        whole = away + tag.radius_km <= self.term.radius_km
        pointed = away <= self.term.radius_km and tag.radius_km <= max(self.place.radius_km, COUNTRYSIDE_KM)
        return away if whole or pointed else None

    def _within(self, tag: PlaceTag) -> bool:
        if self.place.level == "country":
            return tag.country == self.place.country
        return tag.place_id == self.place.place_id or self.place.place_id in ancestors(tag.place_id, self.gazetteer)


def ancestors(place_id: str, gazetteer: Gazetteer) -> set[str]:
    """Return the ids of every place that contains this one."""
    found: set[str] = set()
    pending = [place_id]
    while pending:
        place = gazetteer.get(pending.pop())
        new = [parent for parent in (place.parents if place else ()) if parent not in found]
        found.update(new)
        pending += new
    return found


class CompiledRule:
    """A rule with its places resolved. `notes` say how an ambiguous name was read."""

    def __init__(self, rule: Rule, places: dict[Term, PlaceTest], notes: tuple[str, ...] = ()) -> None:
        self.rule = rule
        self.places = places
        self.notes = notes
        self._pushed = None if rule.node is None else pushed(rule.node)

    def match(self, post: Post, text: ReadText, tags: Tags) -> Match | None:
        """Return why the rule holds for the post, None where it does not."""
        return self.match_words(PostWords(post, text, tags))

    def match_words(self, words: PostWords) -> Match | None:
        """As `match`, on a post that was already taken apart."""
        if self._pushed is None:
            return Match((empty_reason(),)) if words.tags.claim == "report" else None
        if not self.holds(words):
            return None
        return Match(tuple(self._reasons(self._pushed, words)))

    def holds(self, words: PostWords) -> bool:
        if self._pushed is None:
            return words.tags.claim == "report"
        return holds(self._pushed, lambda term: self.find(term, words) is not None)

    def find(self, term: Term, words: PostWords) -> Reason | None:
        """Return why this term holds for the post, None where it does not."""
        if term.op in WORD_OPS:
            return _find_words(term, words)
        if term.op in PLACE_OPS:
            return _find_place(self.places[term], words)
        return _find_label(term, words)

    def _reasons(self, node: Node, words: PostWords) -> Iterator[Reason]:
        """Yield the reasons of the parts that hold: of an OR those of each alternative that does."""
        match node:
            case Term():
                found = self.find(node, words)
                if found is not None:
                    yield found
            case Not(child):
                yield Reason("not", f"-{child}", f"it is not so that {expected(child)}")
            case And(children):
                for child in children:
                    yield from self._reasons(child, words)
            case Or(children):
                for child in children:
                    if holds(child, lambda term: self.find(term, words) is not None):
                        yield from self._reasons(child, words)


def empty_reason() -> Reason:
    return Reason("empty", "", "it reports an event, and this watch takes every report")


def _find_words(term: Term, words: PostWords) -> Reason | None:
    text = words.text.text
    if term.op is Op.HASHTAG or term.op is Op.MENTION:
        marked = words.hashtags if term.op is Op.HASHTAG else words.mentions
        span = marked.get(term.norms[0])
        spans = [span] if span else []
    else:
        spans = words.phrase_spans(term.norms)
        if term.op is Op.WORD and not spans and term.norms[0] in words.hashtags:
            spans = [words.hashtags[term.norms[0]]]
    if not spans:
        return None
    start, end = spans[0]
    return Reason(term.op, str(term), f"it says {_quoted(text[start:end])}", tuple(spans))


def _find_label(term: Term, words: PostWords) -> Reason | None:
    wanted = term.norms[0]
    tags = words.tags
    spans: tuple[Span, ...] = ()
    if term.op is Op.FROM:
        held = wanted in words.authors()
    elif term.op is Op.LANG:
        held = wanted in words.langs()
    elif term.op is Op.ACTOR:
        held = wanted in (actor.casefold() for actor in tags.actors)
        spans = _spans_of(tags, wanted, {"party"})
    else:
        held = wanted == (tags.kind if term.op is Op.KIND else tags.claim)
        spans = _spans_of(tags, wanted, {"kind", "weapon", "act"} if term.op is Op.KIND else {"cue"})
    return Reason(term.op, str(term), expected(term), spans) if held else None


def _find_place(test: PlaceTest, words: PostWords) -> Reason | None:
    nearest: tuple[float, PlaceTag] | None = None
    for tag in words.where():
        away = test.distance(tag)
        if away is not None and (nearest is None or away < nearest[0]):
            nearest = (away, tag)
    if nearest is None:
        return None
    away, tag = nearest
    if test.term.op is Op.PLACE:
        says = f"it happened in {tag.name}" + (
            "" if tag.place_id == test.place.place_id else f", which is in {test.place.name}"
        )
    elif tag.place_id == test.place.place_id:
        says = f"it happened at {tag.name}"
    else:
        says = f"it happened at {tag.name}, {away:.0f} km from {test.place.name} (at most {test.term.radius_km:g} km)"
    return Reason(test.term.op, str(test.term), says, ((tag.start, tag.end),), tag.place_id, tag.name, round(away, 1))


def expected(node: Node) -> str:
    """Return what a term asks of a post, as the end of a sentence."""
    if not isinstance(node, Term):
        return " and ".join(expected(term) for term in leaves(node))
    label = node.value.replace("_", " ")
    match node.op:
        case Op.WORD | Op.PHRASE | Op.HASHTAG | Op.MENTION:
            return f"it says {_quoted(str(node).strip(chr(34)))}"
        case Op.FROM:
            return f"it is from {node.value}"
        case Op.LANG:
            return f"its language is {node.value}"
        case Op.NEAR:
            return f"it happened within {node.radius_km:g} km of {node.value}"
        case Op.PLACE:
            return f"it happened in {node.value}"
        case _:
            return f"its {node.op} is {label}"


def _spans_of(tags: Tags, label: str, families: Container[str]) -> tuple[Span, ...]:
    """Return where the words stand that speak of a label: those that say it outright, else all of their families."""
    found = [(term.means.partition(":"), (term.start, term.end)) for term in tags.terms]
    family = [(means[2], span) for means, span in found if means[0] in families]
    outright = [span for value, span in family if value == label]
    return tuple(dict.fromkeys(outright or (span for _, span in family)))


def _quoted(surface: str) -> str:
    return f"“{surface}”"
