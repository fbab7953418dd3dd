"""All rules against one post, quickly: the fast path beside `CompiledRule.match`, which is its oracle.

A post becomes a set of features (word forms, tags, labels, the place terms that hold). A rule that can hold at all needs at least
one feature of each of its AND parts; it is filed under the rarest part, and below that under the second rarest, so that a post
meets only the rules of which both parts are in it. What is met is then decided exactly, by set tests where they suffice.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from app.domain.rule_ast import And, Node, Not, Op, Or, Term, holds, pushed
from app.domain.rule_match import PLACE_OPS, CompiledRule, Match, PlaceTest, PostWords, ancestors
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import ReadText
from app.domain.watches import ALL_WATCH, Watch
from app.errors import RuleError
from app.messages import PlaceTag, Post, Tags

if TYPE_CHECKING:  # a rule set without places needs no gazetteer, and importing one costs numpy
    from app.domain.gazetteer import Gazetteer

MATCHER_VERSION = 1  # counts up when the same rule may come to hold for other posts

_PLACES_KEPT = 50_000  # event places whose place terms are remembered
_PAIRS = 64  # entries that one rule may have on the second level
_SMALL = 12  # second levels up to this size are asked for a common feature first, larger ones are intersected
# How many posts in 10,000 carry such a feature, roughly: what a rule is filed under should be rare.
_COMMON = {Op.CLAIM: 5_000, Op.LANG: 5_000, Op.KIND: 2_000, Op.PLACE: 500, Op.NEAR: 300, Op.ACTOR: 500, Op.FROM: 50}

Features = set[str]
Filed = dict[str, list[int]]


class _Program:
    """A rule as set tests: all of `required`, one of each `any_of`, none of `banned`, each phrase in order, and the rest as a tree."""

    __slots__ = ("_any_of", "_banned", "_phrases", "_required", "_rest", "_rule")

    def __init__(self, rule: CompiledRule) -> None:
        self._rule = rule
        self._rest: list[Node] = []
        self._phrases: list[tuple[str, ...]] = []
        self._any_of: list[tuple[frozenset[str], list[tuple[str, ...]]]] = []
        required: set[str] = set() if rule.rule.node is not None else {"claim:report"}
        banned: set[str] = set()
        for part in _conjuncts(pushed(rule.rule.node)) if rule.rule.node is not None else ():
            match part:
                case Term(op=Op.PHRASE, norms=norms):
                    required.update(norms)
                    self._phrases.append(norms)
                case Term():
                    required.add(feature_of(part, rule))
                case Not(child=Term() as term) if term.op is not Op.PHRASE:
                    banned.add(feature_of(term, rule))
                case Or(children) if all(isinstance(child, Term) for child in children):
                    terms = [child for child in children if isinstance(child, Term)]
                    plain = frozenset(feature_of(term, rule) for term in terms if term.op is not Op.PHRASE)
                    self._any_of.append((plain, [term.norms for term in terms if term.op is Op.PHRASE]))
                case _:
                    self._rest.append(part)
        self._required = frozenset(required)
        self._banned = frozenset(banned)

    def holds(self, features: Features, words: PostWords) -> bool:
        # Plain loops: this runs some twenty times a post, and a generator costs as much as three set tests.
        if not self._required <= features:
            return False
        if self._banned and not self._banned.isdisjoint(features):
            return False
        for plain, phrases in self._any_of:
            if plain.isdisjoint(features) and not any(map(words.phrase_spans, phrases)):
                return False
        for phrase in self._phrases:
            if not words.phrase_spans(phrase):
                return False
        if not self._rest:
            return True
        return all(holds(node, lambda term: _term_holds(term, features, words, self._rule)) for node in self._rest)


class _PlaceTerms:
    """Which `near:` and `place:` terms of all rules hold for an event's place: by id, by country, and by latitude."""

    def __init__(self, tests: Sequence[PlaceTest]) -> None:
        self.any = bool(tests)
        self._within: dict[str, list[str]] = {}
        self._near = sorted((test for test in tests if test.term.op is Op.NEAR), key=lambda test: test.place.lat)
        self._latitudes = [test.place.lat for test in self._near]
        # A degree of latitude is 111.2 km on our sphere; the margin keeps rounding out of the decision.
        self._reach = max((test.term.radius_km for test in self._near), default=0.0) / 111.0 + 0.01
        self._gazetteer = tests[0].gazetteer if tests else None
        self._known: dict[tuple[str, float, float, float], tuple[str, ...]] = {}
        for test in tests:
            if test.term.op is Op.PLACE:
                wide = test.place.level == "country"
                key = f"country {test.place.country}" if wide else test.place.place_id
                self._within.setdefault(key, []).append(test.feature)

    def features_of(self, place: PlaceTag) -> tuple[str, ...]:
        key = (place.place_id, place.lat, place.lon, place.radius_km)
        known = self._known.get(key)
        if known is None:
            known = tuple(self._look_up(place))
            if len(self._known) < _PLACES_KEPT:
                self._known[key] = known
        return known

    def _look_up(self, place: PlaceTag) -> Iterator[str]:
        around = ancestors(place.place_id, self._gazetteer) if self._gazetteer is not None and self._within else set()
        for area in {f"country {place.country}", place.place_id} | around:
            yield from self._within.get(area, ())
        first = bisect_left(self._latitudes, place.lat - self._reach)
        last = bisect_right(self._latitudes, place.lat + self._reach)
        for test in self._near[first:last]:
            if test.distance(place) is not None:
                yield test.feature


class RuleIndex:
    """Which of many rules hold for a post. Build once, read from one thread."""

    def __init__(self, rules: Mapping[str, CompiledRule]) -> None:
        self._names = list(rules)
        self._programs = [_Program(rule) for rule in rules.values()]
        self._places = _PlaceTerms(_distinct_places(rules.values()))
        self._alone: Filed = {}
        self._paired: dict[str, Filed] = {}
        self._file(list(rules.values()))

    def matching(self, words: PostWords) -> list[str]:
        """Return the names of the rules that hold, in the order in which they were given."""
        features = self.features(words)
        met: set[int] = set()
        for feature in self._alone.keys() & features:
            met.update(self._alone[feature])
        for feature in self._paired.keys() & features:
            below = self._paired[feature]
            # Most second levels are small and hold nothing of this post: one call says so.
            if len(below) <= _SMALL and features.isdisjoint(below):
                continue
            for second in below.keys() & features:
                met.update(below[second])
        return [self._names[number] for number in sorted(met) if self._programs[number].holds(features, words)]

    def features(self, words: PostWords) -> Features:
        """Return everything about a post that a term can ask for, phrases excepted."""
        features = set(words.said)
        for tag in words.hashtags:
            features.add(tag)
            features.add(f"#{tag}")
        features.update(f"@{name}" for name in words.mentions)
        features.update(f"from:{author}" for author in words.authors())
        features.update(f"lang:{lang}" for lang in words.langs())
        features.update((f"kind:{words.tags.kind}", f"claim:{words.tags.claim}"))
        features.update(f"actor:{actor.casefold()}" for actor in words.tags.actors)
        if self._places.any:
            for place in words.where():
                features.update(self._places.features_of(place))
        return features

    def _file(self, rules: list[CompiledRule]) -> None:
        usage = Counter(feature for rule in rules for term in rule.rule.terms() for feature in _needed_by(term, rule))
        for number, rule in enumerate(rules):
            ranked = sorted(_parts(rule, usage), key=lambda cover: (_cost(cover, usage), sorted(cover)))
            if len(ranked) > 1 and len(ranked[0]) * len(ranked[1]) <= _PAIRS:
                for feature in ranked[0]:
                    below = self._paired.setdefault(feature, {})
                    for second in ranked[1]:
                        below.setdefault(second, []).append(number)
            else:
                for feature in ranked[0] if ranked else ():
                    self._alone.setdefault(feature, []).append(number)


def _cost(cover: Iterable[str], usage: Counter[str]) -> int:
    """Estimate how often a part is met: rules that share a feature, and labels that many posts carry."""
    return sum(usage[feature] + _COMMON.get(_op_of(feature), 0) for feature in cover)


def _op_of(feature: str) -> Op:
    name, colon, _ = feature.partition(":")
    return Op(name) if colon else Op.WORD


def _parts(rule: CompiledRule, usage: Counter[str]) -> list[frozenset[str]]:
    """Return the AND parts of a rule of which a post must carry a feature each; a phrase needs each of its words."""
    if rule.rule.node is None:
        return [frozenset({"claim:report"})]
    covers: list[frozenset[str] | None] = []
    for part in _conjuncts(pushed(rule.rule.node)):
        if isinstance(part, Term):
            covers += [frozenset({feature}) for feature in _needed_by(part, rule)]
        else:
            covers.append(_cover(part, rule, usage))
    return [cover for cover in dict.fromkeys(covers) if cover is not None]


def _cover(node: Node, rule: CompiledRule, usage: Counter[str]) -> frozenset[str] | None:
    """Return features of which one must be there for the node to hold, None where it can hold without any."""
    match node:
        case Term():
            return frozenset({min(_needed_by(node, rule), key=lambda feature: (_cost((feature,), usage), feature))})
        case Not():
            return None
        case And(children):
            covers = [cover for cover in (_cover(child, rule, usage) for child in children) if cover is not None]
            return min(covers, key=lambda cover: _cost(cover, usage), default=None)
        case Or(children):
            united: set[str] = set()
            for child in children:
                cover = _cover(child, rule, usage)
                if cover is None:
                    return None
                united |= cover
            return frozenset(united)


def _needed_by(term: Term, rule: CompiledRule) -> tuple[str, ...]:
    return term.norms if term.op is Op.PHRASE else (feature_of(term, rule),)


def feature_of(term: Term, rule: CompiledRule) -> str:
    """Return the feature that a post carries where the term holds. A phrase has none: its words are necessary, not enough."""
    if term.op is Op.WORD:
        return term.norms[0]
    if term.op in PLACE_OPS:
        return rule.places[term].feature
    mark = {Op.HASHTAG: "#", Op.MENTION: "@"}.get(term.op, f"{term.op}:")
    return mark + term.norms[0]


def _conjuncts(node: Node) -> list[Node]:
    if isinstance(node, And):
        return [part for child in node.children for part in _conjuncts(child)]
    return [node]


def _term_holds(term: Term, features: Features, words: PostWords, rule: CompiledRule) -> bool:
    if term.op is Op.PHRASE:
        return bool(words.phrase_spans(term.norms))
    return feature_of(term, rule) in features


def _distinct_places(rules: Iterable[CompiledRule]) -> list[PlaceTest]:
    return list({test.feature: test for rule in rules for test in rule.places.values()}.values())


class WatchSet:
    """The watches in force, ready to match. A watch whose rule cannot be used matches nothing and stands in `refused`.

    `version` names words and order of the rules: a record tagged under another version is matched again.
    """

    def __init__(self, watches: Iterable[Watch], gazetteer: Gazetteer) -> None:
        self.watches = tuple(watches) or (ALL_WATCH,)
        self.refused: dict[str, RuleError] = {}
        self._by_name = {watch.name: watch for watch in self.watches}
        self._compiled: dict[str, CompiledRule] = {}
        for watch in self.watches:
            try:
                self._compiled[watch.name] = compile_rule(parse_rule(watch.rule), gazetteer)
            except RuleError as error:
                self.refused[watch.name] = error
        self._index = RuleIndex(self._compiled)
        self.version = watches_version(self.watches)

    def get(self, name: str) -> Watch | None:
        return self._by_name.get(name)

    def compiled(self, name: str) -> CompiledRule | None:
        """Return the rule of a watch ready to match, None where there is no such watch or its rule is refused."""
        return self._compiled.get(name)

    def hits(self, words: PostWords) -> tuple[str, ...]:
        """Return the names of the watches whose rule holds: what `tag` needs, without reasons."""
        return tuple(self._index.matching(words))

    def match(self, post: Post, text: ReadText, tags: Tags) -> dict[str, Match]:
        """Return each watch whose rule holds for the post, with the reasons."""
        words = PostWords(post, text, tags)
        found = {name: self._compiled[name].match_words(words) for name in self._index.matching(words)}
        return {name: match for name, match in found.items() if match is not None}


def watches_version(watches: Iterable[Watch]) -> str:
    """Return the same short hash for the same rules under the same names, in whatever order they are given."""
    rules = sorted((watch.name, watch.rule) for watch in watches)
    return hashlib.sha256(msgspec.json.encode((MATCHER_VERSION, rules))).hexdigest()[:16]
