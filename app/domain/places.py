"""Places in a text: which names mean places, which places they mean, and whether it happened there.

Four passes: read every name (`place_mentions`) with what stands around it; let the sure ones set the scene; admit the others by it
and score all readings against it (`place_resolution`); then tell where it happened from what is only spoken of (`place_roles`).
"""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.gazetteer import Gazetteer, Place
from app.domain.place_cues import PlaceCues, place_cues
from app.domain.place_guard import ACCEPTED, SURE, manner_of, strength
from app.domain.place_mentions import Mention, Spelling, find_mentions, reaches, skeleton_mentions
from app.domain.place_resolution import Found, Reading, Scene, alike, is_seat, read_mention, score, share_out
from app.domain.place_roles import give_roles, relation_of, stretched
from app.domain.place_surroundings import look_around
from app.domain.text import ReadText, TokenKind
from app.messages import PlaceReading, PlaceTag

LEAST_CONFIDENCE = 0.2  # below it a name stays unattributed
_MOST_ALTERNATIVES = 4
_WEAK = 0.05  # share of a reading that is not worth telling
_SPELLING = {Spelling.EXACT: 1.0, Spelling.STEM: 0.97, Spelling.GLUED: 0.95, Spelling.SKELETON: 0.8}
_ALIKE = {1: 0.72, 2: 0.6}  # resemblance that a skeleton's name needs, by its words; 0.6 for more
_SCENE_BONUS = 0.35
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
    roles = give_roles(admitted, cues, gazetteer)
    tags = (_tag(text, found, role) for found, role in zip(admitted, roles, strict=True))
    return tuple(tag for tag in tags if tag.confidence >= LEAST_CONFIDENCE)


class _Finder:
    """The passes over one text."""

    def __init__(self, text: ReadText, gazetteer: Gazetteer, cues: PlaceCues, home: frozenset[str]) -> None:
        self._text, self._gazetteer, self._cues, self._home = text, gazetteer, cues, home
        self._manner = manner_of(text)
        self._scene = Scene()

    def find(self) -> list[Found]:
        slots = [[self._read(mention) for mention in slot] for slot in find_mentions(self._text, self._gazetteer)]
        for found in _disjoint([[found for found in slot if found.strength >= SURE] for slot in slots]):
            if found.best.level == "country" or found.readings[0].share > 0.6:
                self._scene.add(found.best, found.readings[0].share)
        admitted = _disjoint([[found for found in slot if self._admits(found)] for slot in slots])
        admitted = self._with_skeletons(admitted)
        for index, found in enumerate(admitted):
            score(found, self._scene, home=self._home, beside=_beside(admitted, index))
        for found in admitted:
            _settle_seat(found, admitted)
        return admitted

    def _read(self, mention: Mention) -> Found:
        around = look_around(self._text, mention, self._cues)
        found = Found(mention, around, read_mention(mention, self._gazetteer, self._home))
        share_out(found)
        found.strength = strength(self._text, found, self._cues, self._manner)
        return found

    def _admits(self, found: Found) -> bool:
        """Whether a mention is a place by itself, or because it lies where the post plays."""
        if found.strength <= 0:
            return False
        if found.strength < SURE and any(self._in_scene(reading.place) for reading in found.readings):
            found.strength = min(0.95, found.strength + _SCENE_BONUS)
        return found.strength >= ACCEPTED

    def _in_scene(self, place: Place) -> bool:
        if place.level == "country":
            return False
        return place.country in self._scene.countries or place.country in self._home

    def _with_skeletons(self, admitted: list[Found]) -> list[Found]:
        """Look again, by consonants, at the words that are no place yet, among places of the countries that the post is about."""
        lands = frozenset(self._scene.countries) | self._home
        if not lands:
            return admitted
        taken = {index for found in admitted for index in range(found.mention.first, found.mention.last + 1)}
        reach = reaches(self._text)
        slots = [[found] for found in admitted]
        for index, token in enumerate(self._text.tokens):
            if index in taken or token.kind is not TokenKind.WORD or not self._may_be_name(index):
                continue
            until = next((step for step in range(reach[index]) if index + step in taken), reach[index])
            mentions = skeleton_mentions(self._text, index, until, self._gazetteer)
            slots.append([found for mention in mentions if (found := self._read_skeleton(mention, lands))])
        slots.sort(key=lambda slot: slot[0].mention.first if slot else -1)
        return _disjoint(slots)

    def _may_be_name(self, index: int) -> bool:
        token = self._text.tokens[index]
        if token.norm in self._cues.small or token.norm in self._cues.never or token.norm in self._cues.demonyms:
            return False
        if token.norm in self._cues.before or token.norm in self._cues.after:
            return False
        return token.in_hashtag or self._text.text[token.start].isupper() or "\u0600" <= token.norm[0] <= "\u06ff"

    def _read_skeleton(self, mention: Mention, lands: frozenset[str]) -> Found | None:
        around = look_around(self._text, mention, self._cues)
        words = mention.last - mention.first + 1
        readings = [
            reading
            for reading in read_mention(mention, self._gazetteer, lands)
            if reading.place.country in lands and alike(mention.norm, reading.place.name) >= _ALIKE.get(words, 0.6)
        ]
        arabic = mention.norm[0] > "\u0590"
        if not readings or (words == 1 and arabic and not around.says & {"settlement", "countryside", "near"}):
            return None
        if words == 1 and not (around.triggered or self._text.tokens[mention.first].in_hashtag):
            return None
        found = Found(mention, around, readings)
        share_out(found)
        found.strength = 0.7
        return found


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
            found.append(other.best)
    return found


def _settle_seat(found: Found, admitted: Sequence[Found]) -> None:
    """Where a name is a region's and its town's, choose by the words around and by what else is named; the other is the runner-up."""
    best = found.readings[0]
    twin = next((r for r in found.readings[1:6] if is_seat(best.place, r.place) or is_seat(r.place, best.place)), None)
    if twin is None:
        return
    region, town = (best, twin) if best.place.level == "region" else (twin, best)
    around = found.around
    inside = any(
        region.place.place_id in other.best.parents
        for other in admitted
        if other is not found and other.mention.norm != found.mention.norm
    )
    says_region = around.says & {"region", "countryside", "within"} or around.compass
    chosen = region if (says_region or inside) and "settlement" not in around.says else town
    total = region.share + town.share
    chosen.share, other_share = total * 0.75, total * 0.25
    rest = town if chosen is region else region
    rest.share = other_share
    found.readings = [chosen, rest, *(r for r in found.readings if r is not region and r is not town)]
    found.seat_of = region.place if chosen is town and "settlement" not in around.says else None


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
