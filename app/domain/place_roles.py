"""Where it happened, and what is only spoken of: the region around, the capital that speaks, where the aircraft came from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from app.domain.gazetteer import Gazetteer, Place
from app.domain.geo import distance_km
from app.domain.place_cues import PlaceCues
from app.domain.place_resolution import Found
from app.domain.text import ReadText

EVENT, CONTEXT = "event", "context"
_WIDE = frozenset({"country", "region", "district"})
_HERE = frozenset({"in", "near", "countryside", "settlement"})
_NEAR_KM, _COUNTRYSIDE_KM, _COMPASS_KM = 5.0, 15.0, 8.0  # added around a town that the event was not quite in
_CLAUSE, _BESIDE_KM = 5, 40.0  # words between a village and the town that locates it, and how far apart they lie
_AND = frozenset({"and", "or", "then", "و", "ثم", "та", "і", "й", "и", "или"})
_HEAD = 3  # words before which a name and a colon head a post: "Reuters, Beirut: ..."
_SEAT_KM = 20.0  # a name that may be the town or its region reaches at least this far


def give_roles(text: ReadText, admitted: Sequence[Found], cues: PlaceCues, gazetteer: Gazetteer) -> list[str]:
    """Return "event" or "context" for each place; one at least stays an event unless the words themselves rule it out."""
    roles = [CONTEXT if _ruled_out(found, cues, gazetteer) else EVENT for found in admitted]
    for before, after in pairwise(sorted(range(len(admitted)), key=lambda index: admitted[index].mention.first)):
        if roles[before] == roles[after] == EVENT and _locates(text, admitted[before], admitted[after]):
            roles[after] = CONTEXT
    told = {
        found.best.country
        for found, role in zip(admitted, roles, strict=True)
        if role == EVENT and _told_in(text, found)
    }
    for index, found in enumerate(admitted):
        if told and roles[index] == EVENT and _is_label(text, found) and found.best.country not in told:
            roles[index] = CONTEXT
    for index in range(len(admitted)):
        if roles[index] == EVENT and _gives_way(text, index, admitted, roles, gazetteer):
            roles[index] = CONTEXT
    for index, found in enumerate(admitted):
        if _heads(text, found) and roles[index] == EVENT and roles.count(EVENT) > 1:
            roles[index] = CONTEXT
    return roles


def _locates(text: ReadText, before: Found, found: Found) -> bool:
    """Whether a name only says where the one before it lies: "Basanqul, east of Jisr al-Shughur", "بسنقول بريف جسر الشغور"."""
    if not (found.around.compass or found.around.says & {"near", "countryside"}):
        return False
    between = text.tokens[before.mention.last + 1 : found.mention.first]
    one, other = before.best, found.best
    return (
        0 < len(between) <= _CLAUSE
        and before.best.level not in _WIDE
        and text.tokens[before.mention.last].sentence == text.tokens[found.mention.first].sentence
        and not any(token.norm in _AND or (token.norm[0] == "و" and len(token.norm) > 2) for token in between)
        and distance_km(one.lat, one.lon, other.lat, other.lon) <= _BESIDE_KM
    )


def _told_in(text: ReadText, found: Found) -> bool:
    """Whether the sentence itself says that it was there: "in southern Turkey"."""
    return bool(found.around.says & (_HERE | {"within"})) and not text.tokens[found.mention.first].in_hashtag


def _is_label(text: ReadText, found: Found) -> bool:
    """Whether a name is a hashtag that only says whom the post is for: "... in Adana #Karachi #Lahore"."""
    return text.tokens[found.mention.first].in_hashtag and not found.around.triggered


def _heads(text: ReadText, found: Found) -> bool:
    """Whether a name heads the post, as in "Damascus: strike near Homs": whatever else is named there is where it happened."""
    end = text.tokens[found.mention.last].end
    return found.mention.first < _HEAD and text.text[end : end + 2].lstrip().startswith(":")


def _ruled_out(found: Found, cues: PlaceCues, gazetteer: Gazetteer) -> bool:
    """Whether the words next to a name say that nothing happened there."""
    around = found.around
    if (
        found.mention.norm.removeprefix("the ") in cues.seats
        or around.departed
        or around.treated
        or around.named_after
        or "media" in around.says
    ):
        return True
    governs = found.best.level == "country" or gazetteer.is_capital(found.readings[0].number)
    return around.speaks and governs and not around.says & _HERE


def _gives_way(
    text: ReadText, index: int, admitted: Sequence[Found], roles: Sequence[str], gazetteer: Gazetteer
) -> bool:
    """Whether another place of the post is where it happened rather than this one."""
    found = admitted[index]
    place = found.best
    others = [
        other
        for i, other in enumerate(admitted)
        if i != index and roles[i] == EVENT and other.best.place_id != place.place_id
    ]
    if not others:
        return False
    if place.level in _WIDE and any(_holds(place, other.best) for other in others):
        return True
    finer = [other for other in others if other.best.level != "country"]
    if place.level == "country" and finer:
        return True
    if not place.country and finer:  # a sea or a continent
        return True
    if "from" in found.around.says and not found.around.says & {"near", "countryside"}:
        return True
    if gazetteer.is_capital(found.readings[0].number) and not found.around.says & _HERE:
        return any(other.best.country != place.country for other in others)
    return place.level == "country" and ("acts" in found.around.says or _owns(text, found))


def _owns(text: ReadText, found: Found) -> bool:
    """Whether a name only says whose something is: "Lebanon's Hezbollah"."""
    return text.text[found.mention.end : found.mention.end + 2] in {"'s", "’s"}


def _holds(outer: Place, inner: Place) -> bool:
    if outer.level == "country":
        return inner.country == outer.country and inner.level != "country"
    return outer.place_id in inner.parents or (inner.level not in _WIDE and _within(outer, inner))


def _within(outer: Place, inner: Place) -> bool:
    return distance_km(outer.lat, outer.lon, inner.lat, inner.lon) < outer.radius_km


def relation_of(found: Found) -> str:
    """Return "near", "countryside", "N of" (or another point) or "in"."""
    around = found.around
    if "countryside" in around.says:
        return "countryside"
    if around.compass and (found.best.level not in {"country", "region"} or around.distance_km):
        return f"{around.compass} of"
    return "near" if "near" in around.says else "in"


def stretched(found: Found) -> float:
    """Return the radius in km of the area meant: the place's own, and more where the words say that it was not in it."""
    place, relation = found.best, relation_of(found)
    radius = place.radius_km
    if place.level not in _WIDE:
        if found.seat_of is not None:
            radius = max(radius, min(_SEAT_KM, found.seat_of.radius_km))
        if relation == "countryside":
            radius = max(radius, place.radius_km + _COUNTRYSIDE_KM)
        elif relation == "near":
            radius = max(radius, place.radius_km + _NEAR_KM)
        elif relation != "in":
            radius = max(radius, place.radius_km + max(_COMPASS_KM, found.around.distance_km))
    return round(radius, 1)
