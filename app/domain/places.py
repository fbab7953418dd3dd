"""Places in a text: which names mean places, which places they mean, and whether it happened there.

Four passes: read every name (`place_mentions`) with what stands around it; let the sure ones set the scene; admit the others by it
and score all readings against it (`place_resolution`); then tell where it happened from what is only spoken of (`place_roles`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from app.domain.gazetteer import Gazetteer, Place
from app.domain.name_keys import skeleton
from app.domain.place_cues import PlaceCues, place_cues
from app.domain.place_guard import ACCEPTED, FIRM, LARGE, SURE, Manner, manner_of, ruled_out, strength
from app.domain.place_mentions import LONGEST_SKELETON, Mention, Spelling, find_mentions, reach_from, skeleton_mentions
from app.domain.place_resolution import (
    CYRILLIC_LANDS,
    Found,
    Reading,
    Scene,
    alike,
    is_seat,
    read_mention,
    score_alone,
    score_in_scene,
)
from app.domain.place_roles import give_roles, relation_of, stretched
from app.domain.place_surroundings import Surroundings, look_around
from app.domain.text import ReadText, TokenKind, fold
from app.messages import PlaceReading, PlaceTag

LEAST_CONFIDENCE = 0.2  # below it a name stays unattributed
_MOST_ALTERNATIVES = 4
_WEAK = 0.05  # share of a reading that is not worth telling
_SPELLING = {Spelling.EXACT: 1.0, Spelling.STEM: 0.97, Spelling.GLUED: 0.95, Spelling.SKELETON: 0.8}
_ALIKE = {1: 0.72, 2: 0.6}  # resemblance that a skeleton's name needs, by its words; 0.6 for more
_ALIKE_CYRILLIC = 0.85
_ALONE = 6  # consonants from which a skeleton needs no country: "jsrSgr"
_TELLING = 0.6  # share from which a mention says where the post plays
_ANOTHER = 0.45  # resemblance below which a town's own name is not the one written
_SCENE_BONUS, _OFF_SCENE = 0.35, 0.5
_LANDS = {"uk": ("UA",), "he": ("IL", "PS"), "tr": ("TR", "SY"), "fa": ("IR",)}


def find_places(
    text: ReadText, gazetteer: Gazetteer, *, lang: str | None, home_countries: frozenset[str] = frozenset()
) -> tuple[PlaceTag, ...]:
    """Return the places that the text names, in order, disjoint. `home_countries` (ISO codes) are those its author writes about.

    `lang` is the post's language where known (a primary code); it only weighs, so "und" and None do no harm.
    """
    if not text.tokens:
        return ()
    cues = place_cues()
    home = home_countries | frozenset(_LANDS.get(lang or "", ()))
    admitted = _Finder(text, gazetteer, cues, home).find()
    roles = give_roles(text, admitted, cues, gazetteer)
    tags = (_tag(text, found, role) for found, role in zip(admitted, roles, strict=True))
    return tuple(tag for tag in tags if tag.confidence >= LEAST_CONFIDENCE)


class _Finder:
    """The passes over one text."""

    def __init__(self, text: ReadText, gazetteer: Gazetteer, cues: PlaceCues, home: frozenset[str]) -> None:
        self._text, self._gazetteer, self._cues, self._home = text, gazetteer, cues, home
        self._scene = Scene()

    def find(self) -> list[Found]:
        slots = [
            [self._read(mention) for mention in slot if self._worth(mention)]
            for slot in find_mentions(self._text, self._gazetteer)
        ]
        if not any(slots) and not self._text.hashtags and not self._home:
            return []
        for found in _disjoint([[found for found in slot if found.strength >= SURE] for slot in slots]):
            share = found.country_share()
            if found.best.level == "country" or share > _TELLING:
                self._scene.entries += [(found.mention.norm, place, share) for place in found.witnesses()]
        admitted = _disjoint([[found for found in slot if self._admits(found)] for slot in slots])
        admitted = self._with_skeletons(admitted)
        admitted = _without_echoes(admitted)
        for index, found in enumerate(admitted):
            score_in_scene(found, self._scene, beside=_beside(admitted, index))
        for found in admitted:
            _settle_seat(self._text, found, admitted)
        return admitted

    @cached_property
    def _manner(self) -> Manner:
        return manner_of(self._text, self._cues)

    def _worth(self, mention: Mention) -> bool:
        """Rule out early and cheaply what no words around can make a place: nine of ten names that are words."""
        return not ruled_out(self._text, mention, self._gazetteer, self._cues)

    def _read(self, mention: Mention) -> Found:
        around = look_around(self._text, mention, self._cues)
        found = read_mention(mention, around, self._gazetteer, self._home)
        if mention.norm in self._cues.seats:  # "White House" is a way to write Casablanca, too
            found.readings = [reading for reading in found.readings if reading.place.level == "site"] or found.readings
        score_alone(found, self._home)
        found.strength = strength(self._text, found, self._cues, self._manner)
        return found

    def _admits(self, found: Found) -> bool:
        """Whether a mention is a place by itself, or because it lies where the post plays."""
        if found.strength <= 0:
            return False
        lands = self._scene.without(found.mention.norm).countries
        if any(
            r.place.level == "country" or r.place.country in lands or r.place.country in self._home
            for r in found.readings
        ):
            if found.strength < SURE and not all(r.place.level == "country" for r in found.readings):
                found.strength = min(0.95, found.strength + _SCENE_BONUS)
        elif lands and (found.prominence < LARGE or (found.readings[0].secondary and found.mention.norm.isascii())):
            found.strength *= (
                _OFF_SCENE  # a lesser place, or a by-name, in none of the countries that the post is about
            )
        return found.strength >= ACCEPTED

    def _with_skeletons(self, admitted: list[Found]) -> list[Found]:
        """Look again, by consonants, at the words that are no place yet, among places of the countries that the post is about.

        A place elsewhere that is no large one does not stand in the way of a longer name here: "Maarat al Numan" is not in Numan.
        """
        lands = self._scene.countries | self._home
        firm = [
            found
            for found in admitted
            if any(r.place.country in lands for r in found.readings) or found.prominence >= FIRM
        ]
        taken = {index for found in firm for index in range(found.mention.first, found.mention.last + 1)}
        slots = [[found] for found in admitted]
        for index, token in enumerate(self._text.tokens):
            if index in taken or token.kind is not TokenKind.WORD or not self._may_be_name(index, anywhere=not lands):
                continue
            reach = reach_from(self._text, index, LONGEST_SKELETON)
            until = next((step for step in range(reach) if index + step in taken), reach)
            mentions = skeleton_mentions(self._text, index, until, self._gazetteer)
            slots.append([found for mention in mentions if (found := self._read_skeleton(mention, lands))])
        slots = [slot for slot in slots if slot]
        slots.sort(key=lambda slot: (slot[0].mention.first, -slot[0].mention.last, slot[0].mention.spelling))
        return _disjoint(slots)

    def _may_be_name(self, index: int, *, anywhere: bool) -> bool:
        """Whether a name may begin here. `anywhere`: no country is known, so only a hashtag is looked at; nothing else is so deliberate."""
        tokens, cues = self._text.tokens, self._cues
        token = tokens[index]
        if token.in_hashtag:
            return token.norm not in cues.never
        if anywhere or token.norm in cues.before or token.norm in cues.after:
            return False
        if token.norm in cues.never or token.norm in cues.demonyms:
            return False
        if (
            "\u0600" <= token.norm[0] <= "\u06ff"
        ):  # without capitals only what follows "ريف", "قرية" or "ب" is worth a look
            return token.norm[0] == "ب" or (index > 0 and tokens[index - 1].norm in cues.before)
        return self._text.text[token.start].isupper()

    def _read_skeleton(self, mention: Mention, lands: frozenset[str]) -> Found | None:
        around = look_around(self._text, mention, self._cues)
        words = mention.last - mention.first + 1
        found = read_mention(mention, around, self._gazetteer, lands)
        readings = found.readings = [
            reading
            for reading in found.readings
            if (reading.place.country in lands or not lands)
            and alike(mention.norm, reading.place.name) >= _needed_likeness(words, reading.place)
        ]
        if not lands and (
            len(skeleton(mention.norm.split())) < _ALONE or len({r.place.country for r in readings}) != 1
        ):
            return None
        if not readings or not self._skeleton_stands(mention, around):
            return None
        score_alone(found, self._home)
        named = {place.place_id for _, place, _ in self._scene.entries if place.level in {"region", "district"}}
        found.strength = 0.95 if not named.isdisjoint(found.best.parents) else 0.75
        return found

    def _skeleton_stands(self, mention: Mention, around: Surroundings) -> bool:
        """Whether enough speaks for a name that only resembles one: Arabic words all look like names, Latin ones need a capital."""
        tokens = self._text.tokens
        if mention.norm in self._cues.small:
            return False
        if mention.norm[0] > "\u0590":
            return bool(around.says & {"settlement", "countryside", "near"}) or (
                mention.first != mention.last and around.triggered
            )
        if mention.first != mention.last or around.triggered or tokens[mention.first].in_hashtag:
            return True
        opens = mention.first == 0 or tokens[mention.first - 1].sentence != tokens[mention.first].sentence
        return len(tokens) <= 3 or not (opens or self._manner.titled or self._manner.all_capitals)


def _needed_likeness(words: int, place: Place) -> float:
    """Return how much a name must resemble the place whose consonants it has: Cyrillic is written in Latin by one rule, Arabic by none."""
    return _ALIKE_CYRILLIC if place.country in CYRILLIC_LANDS else _ALIKE.get(words, 0.6)


def _disjoint(slots: Sequence[Sequence[Found]]) -> list[Found]:
    """Return from left to right the first (longest) of each slot that does not overlap what was taken."""
    taken: list[Found] = []
    free = 0
    for slot in slots:
        for found in slot:
            if found.mention.first >= free:
                taken.append(found)
                free = found.mention.last + 1
                break
    return taken


def _without_echoes(admitted: list[Found]) -> list[Found]:
    """Leave out a name that is only part of a hashtag ("#KeralaFloods") where the post names a place of that country by itself."""
    whole = {found.best.country for found in admitted if not found.mention.in_part}
    return [found for found in admitted if not found.mention.in_part or found.best.country not in whole]


def _beside(admitted: Sequence[Found], index: int) -> list[Place]:
    """Return the places named right before or after one, at most two words between ("Tripoli, Lebanon"; "Ariha in Idlib")."""
    mention = admitted[index].mention
    found = []
    for other in (*admitted[max(0, index - 1) : index], *admitted[index + 1 : index + 2]):
        gap = (
            other.mention.first - mention.last
            if other.mention.first > mention.first
            else mention.first - other.mention.last
        )
        if gap <= 3:
            found += other.witnesses()
    return found


def _settle_seat(text: ReadText, found: Found, admitted: Sequence[Found]) -> None:
    """Where a name is a region's and its town's, choose by the words around and by what else is named; the other is the runner-up."""
    best = found.readings[0]
    twin = next((r for r in found.readings[1:6] if is_seat(best.place, r.place) or is_seat(r.place, best.place)), None)
    if twin is None:
        return
    region, town = (best, twin) if best.place.level in {"region", "district"} else (twin, best)
    around = found.around
    inside = any(
        region.place.place_id in other.best.parents
        for other in admitted
        if other is not found and other.mention.norm != found.mention.norm
    )
    says_region = around.says & {"region", "countryside", "within"} or around.compass or _contains_unknown(text, found)
    by_name = town.secondary and not region.secondary and _for_short(town.place.name, found.mention.norm)
    chosen = region if (says_region or inside or by_name) and "settlement" not in around.says else town
    total = region.share + town.share
    chosen.share, other_share = total * 0.75, total * 0.25
    rest = town if chosen is region else region
    rest.share = other_share
    found.readings = [chosen, rest, *(r for r in found.readings if r is not region and r is not town)]
    found.seat_of = region.place if chosen is town and "settlement" not in around.says else None


def _for_short(name: str, norm: str) -> bool:
    """Whether a town is only called so for short, like Maryland City, or has another name altogether; Firenze is Florence."""
    return fold(name).startswith(norm + " ") or alike(norm, name) < _ANOTHER


def _contains_unknown(text: ReadText, found: Found) -> bool:
    """Whether the name closes an address ("Verkhnokamianka, Luhansk"): a capitalised word and a comma stand right before it."""
    first = found.mention.first
    if first == 0:
        return False
    before, here = text.tokens[first - 1], text.tokens[first]
    gap = text.text[before.end : here.start].strip()
    return gap == "," and text.text[before.start].isupper() and before.sentence == here.sentence


def _tag(text: ReadText, found: Found, role: str) -> PlaceTag:
    mention, place = found.mention, found.best
    best = found.readings[0]
    confidence = min(1.0, max(found.strength, 0.5)) * best.share * _SPELLING[mention.spelling]
    return PlaceTag(
        surface=text.text[mention.start : mention.end],
        start=mention.start,
        end=mention.end,
        place_id=place.place_id,
        name=place.name,
        country=place.country,
        lat=place.lat,
        lon=place.lon,
        radius_km=stretched(found),
        confidence=round(confidence, 3),
        role=role,
        relation=relation_of(found),
        level=place.level,
        alternatives=tuple(_alternative(reading, confidence / best.share) for reading in _runners_up(found)),
    )


def _runners_up(found: Found) -> list[Reading]:
    return [reading for reading in found.readings[1:] if reading.share >= _WEAK][:_MOST_ALTERNATIVES]


def _alternative(reading: Reading, sure: float) -> PlaceReading:
    place = reading.place
    return PlaceReading(
        place_id=place.place_id,
        name=place.name,
        country=place.country,
        lat=place.lat,
        lon=place.lon,
        radius_km=place.radius_km,
        confidence=round(sure * reading.share, 3),
    )
