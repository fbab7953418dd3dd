"""post -> tags: where, what, how it is put, who, how many, how long it had been quiet, and one plain sentence for each decision."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from app.domain.actors import find_actors
from app.domain.claims import Judgement, judge
from app.domain.credits import find_credits, is_round_up
from app.domain.gazetteer import Gazetteer
from app.domain.kinds import find_events
from app.domain.languages import find_language
from app.domain.lexicon import Lexicon, Party
from app.domain.phrases import Hit
from app.domain.places import find_places
from app.domain.quiet_days import find_quiet_days
from app.domain.reading import Reading, token_span
from app.domain.text import ReadText, read_text
from app.domain.tolls import find_tolls
from app.messages import PlaceTag, Post, Tags, Term

MOST_PLACES = 60  # kept of one post; a list of 600 villages is a map, not a report
MOST_TOKENS = 400  # in which places are sought: 2,300 characters, where the news of a long post has been told
MOST_TERMS = 80
_SHOWN = frozenset({"kind", "weapon", "act", "cue", "party"})
_READERS: Final = {"ar": "SY", "uk": "UA", "ru": "UA"}  # whom a post in the language tells of a war of Russia's
_TOWNS = frozenset({"city", "village", "neighbourhood", "site"})
_EVENT_WEIGHT: Final = 3  # an event place outweighs countries that are only named
_SIDE_WEIGHT: Final = 0.25  # "Moscow warns": a capital or country that is a side of the war says little of where


class Tagger:
    """Reads posts. Holds only read-only data, so one instance serves a process; never raises on any post."""

    def __init__(self, gazetteer: Gazetteer, lexicon: Lexicon) -> None:
        self._gazetteer = gazetteer
        self._lexicon = lexicon

    def read(self, post: Post) -> ReadText:
        """Return the text of the post as tokens, its hashtags split by known names."""
        return read_text(post.text, self._gazetteer.split_hashtag)

    def tag(self, post: Post, text: ReadText | None = None) -> Tags:
        """Return what the post says. Spans are code points of `post.text`; the same post gives the same tags."""
        read = self.read(post) if text is None else text
        lang = find_language(post.lang, read, self._lexicon.sets)
        hits = self._lexicon.find(read)
        places = find_places(_head(read), self._gazetteer, lang=lang, home_countries=self._homes(hits))
        reading = Reading(
            read,
            self._lexicon,
            hits,
            _spans(read, places),
            self._land(places, self._sides(read, hits), hits, lang),
            post.created_at.year if post.created_at else None,
        )
        judged = judge(reading, find_events(reading))
        return self._tags(reading, judged, lang, places)

    def _tags(self, reading: Reading, judged: Judgement, lang: str, places: Sequence[PlaceTag]) -> Tags:
        actors, actor_reason = find_actors(reading, judged)
        silent = judged.claim == "none"
        killed, wounded = (None, None) if silent else find_tolls(reading)
        home = self._capitals(reading, judged.kind, actors)
        placed = tuple(
            _as_context(place) if silent or not home.isdisjoint(range(place.start, place.end)) else place
            for place in places[:MOST_PLACES]
        )
        events = [place.name for place in placed if place.role == "event" and place.level in _TOWNS]
        return Tags(
            lang=lang,
            kind=judged.kind,
            claim=judged.claim,
            places=placed,
            actors=actors,
            killed=killed,
            wounded=wounded,
            quiet_days=None if silent else find_quiet_days(reading),
            terms=_terms(reading),
            credits=find_credits(reading),
            round_up=is_round_up(reading, events),
            reasons=(*judged.reasons, *((actor_reason,) if actor_reason else ()), *map(_place_reason, placed)),
        )

    def _capitals(self, reading: Reading, kind: str, actors: Sequence[str]) -> frozenset[int]:
        """Return where the capitals and countries of those who did it end: who fights abroad only does not strike himself."""
        named = (hit for hit in reading.family("party") if hit.means.endswith(("/capital", "/state")))
        capitals = [(hit, self._party(hit)) for hit in named if hit.means.endswith("/capital") or not _at(hit, reading)]
        return frozenset(
            hit.end - 1  # not its start, which may be a preposition's
            for hit, party in capitals
            if party.country not in party.fights and party.actor(reading.country, kind) in actors
        )

    def _homes(self, hits: Sequence[Hit]) -> frozenset[str]:
        """Return the countries in which the sides that the post names fight: "regime warplanes" speak of Syria."""
        return frozenset().union(*(self._party(hit).fights for hit in hits if hit.means.startswith("party:")))

    def _sides(self, read: ReadText, hits: Sequence[Hit]) -> Sequence[int]:
        """Return where in the text sides of a war are named, first and last character; "in Syria" is a place, not a side."""
        site = self._lexicon.sets["site"]
        sides = (hit for hit in hits if hit.means.startswith("party:"))
        named = (hit for hit in sides if not hit.first or read.tokens[hit.first - 1].norm not in site)
        return sorted({at for hit in named for at in (hit.start, hit.end - 1)})

    def _land(self, places: Sequence[PlaceTag], sides: Sequence[int], hits: Sequence[Hit], lang: str) -> str | None:
        """Return the country that the post is about: where it names nothing but sides of a war, the one in which they fight."""
        only_sides = bool(places) and all(_is_side(place, sides) for place in places)
        if only_sides and len(common := self._common_field(hits)) == 1:
            return next(iter(common))
        return _country(places, sides) or self._homeland(hits, lang)

    def _common_field(self, hits: Sequence[Hit]) -> frozenset[str]:
        """Return the countries in which all the sides named fight."""
        fields = [fights for hit in hits if hit.means.startswith("party:") and (fights := self._party(hit).fights)]
        return frozenset.intersection(*fields) if fields else frozenset()

    def _homeland(self, hits: Sequence[Hit], lang: str) -> str | None:
        """Where no place is named: the country in which all the sides named fight, of several that of the language's readers."""
        common = self._common_field(hits)
        if len(common) == 1:
            return next(iter(common))
        return _READERS[lang] if _READERS.get(lang) in common else None

    def _party(self, hit: Hit) -> Party:
        return self._lexicon.parties[hit.means[len("party:") :].partition("/")[0]]


def _head(read: ReadText) -> ReadText:
    """Return the text with the tokens that places are sought in: readings are weighed against each other, all with all."""
    return read if len(read.tokens) <= MOST_TOKENS else replace(read, tokens=read.tokens[:MOST_TOKENS])


def _spans(read: ReadText, places: Sequence[PlaceTag]) -> tuple[tuple[int, int], ...]:
    spans = (token_span(read.tokens, place.start, place.end) for place in places)
    return tuple(span for span in spans if span is not None)


def _is_side(place: PlaceTag, sides: Sequence[int]) -> bool:
    return bisect_left(sides, place.start) < bisect_left(sides, place.end)


def _country(places: Sequence[PlaceTag], sides: Sequence[int]) -> str | None:
    """Return the country in which the post's events lie: of its event places, else of those it names; a side of a war comes last."""
    counts: dict[str, float] = defaultdict(float)
    for place in places:
        counts[place.country] += (_SIDE_WEIGHT if _is_side(place, sides) else 1) * (
            _EVENT_WEIGHT if place.role == "event" else 1
        )
    counts.pop("", None)
    return max(counts, key=counts.__getitem__) if counts else None


def _at(hit: Hit, reading: Reading) -> bool:
    """Tell whether a country is named as the ground: "in Russia", "بروسيا", "Russia: ..."."""
    heads = reading.text.text[hit.end : hit.end + 1] == ":"
    return heads or reading.is_in(hit.first - 1, "site") or reading.tokens[hit.first].norm.startswith("ب")


def _as_context(place: PlaceTag) -> PlaceTag:
    return place if place.role == "context" else msgspec.structs.replace(place, role="context")


def _place_reason(place: PlaceTag) -> str:
    others = f", not {place.alternatives[0].name} ({place.alternatives[0].country})" if place.alternatives else ""
    return f"Place {place.name} ({place.country}) by “{place.surface}”, {place.role}{others}."


def _terms(reading: Reading) -> tuple[Term, ...]:
    shown = [hit for hit in reading.hits if hit.means.partition(":")[0] in _SHOWN][:MOST_TERMS]
    return tuple(Term(reading.surface(hit), hit.start, hit.end, hit.means) for hit in shown)
