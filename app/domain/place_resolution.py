"""Which place a name means: every reading is scored by what it is and by what else the post names; the sum is its confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from math import exp, log10

from app.domain.gazetteer import Gazetteer, Place
from app.domain.geo import distance_km
from app.domain.place_mentions import Mention, Spelling
from app.domain.place_surroundings import Surroundings
from app.domain.text import fold

MOST_READINGS = 40  # scored of one name; they come by prominence
_SHARPNESS = 1.3  # of the step from scores to confidence: one point of score is a factor of 3.7
_WIDEST_POINT_KM = 200.0  # what is wider is no point to measure from
_NEAR_KM = 120.0  # two places of one post are hardly further apart, where the post is about one event

# Weights in powers of ten of population: a country named beside it lifts a village of 500 over a city of 100,000 elsewhere.
_SAME_COUNTRY = 2.4
_SAME_REGION = 1.6
_NEARBY = 1.2
_HOME = 1.5
_NAMED_BESIDE = 3.0  # "Tripoli, Lebanon"
_SCRIPT = 1.2
_LEVEL = {"region": 5.4, "district": 4.3, "neighbourhood": 3.0, "site": 3.4}
_SECONDARY = 1.0  # a name that is not the place's own
ARABIC_LANDS = frozenset(["SY", "IQ", "LB", "JO", "PS", "IL", "YE", "SA", "OM", "AE", "KW", "BH", "QA", "EG", "LY", "SD", "SS", "TN", "DZ", "MA", "MR", "SO", "DJ", "TD", "IR", "AF", "PK", "TR"])  # fmt: skip
CYRILLIC_LANDS = frozenset(["UA", "RU", "BY", "KZ", "KG", "BG", "RS", "MK", "MD", "TJ", "MN"])


@dataclass(slots=True)
class Reading:
    """One place that a mention may be."""

    number: int
    place: Place
    score: float
    secondary: bool = False  # found under another name than its own
    share: float = 0.0


@dataclass(slots=True)
class Found:
    """A mention with its readings, best first."""

    mention: Mention
    around: Surroundings
    readings: list[Reading] = field(default_factory=list)
    prominence: float = 0.0  # the prior score of the most prominent reading
    strength: float = 1.0  # how sure it is that a place is meant at all
    seat_of: Place | None = None  # the region that the name may mean as well, where it was read as the town

    @property
    def best(self) -> Place:
        return self.readings[0].place

    def witnesses(self) -> list[Place]:
        """Return what the mention tells of the scene: its best reading, and the region of the same name where that is a town."""
        best = self.best
        twin = next((r.place for r in self.readings[1:5] if is_seat(r.place, best) or is_seat(best, r.place)), None)
        return [best] if twin is None else [best, twin]

    def country_share(self) -> float:
        """Return how sure the country of the best reading is, whichever of its places is meant."""
        return sum(reading.share for reading in self.readings if reading.place.country == self.best.country)


@dataclass(slots=True)
class Scene:
    """What a post is known to be about so far: its sure places, each with the name that led to it and how sure it is."""

    entries: list[tuple[str, Place, float]] = field(default_factory=list)

    @property
    def countries(self) -> frozenset[str]:
        return frozenset(place.country for _, place, _ in self.entries if place.country)

    def without(self, norm: str) -> Scene:
        """Return the scene as the other names set it: a name is no witness for itself, nor "Damascus" for Damascus Gate."""
        return Scene([entry for entry in self.entries if entry[0] != norm and not norm.startswith(entry[0] + " ")])


def prior(place: Place) -> float:
    """Return how likely a name is meant for a place before anything else is known, in powers of ten of people."""
    if place.level in {"city", "village"}:
        known = place.population or (
            4_000 if place.place_id.startswith("gn:") else 0
        )  # GeoNames' uncounted ones are seats of districts
        people = log10(known + 300)
    elif place.level == "country":
        people = log10(place.population + 30_000) + 1.2
    else:
        people = (
            max(_LEVEL[place.level], log10(place.population + 300) - 0.2) if place.population else _LEVEL[place.level]
        )
    return people


def read_mention(mention: Mention, around: Surroundings, gazetteer: Gazetteer, countries: frozenset[str]) -> Found:
    """Return a mention with its readings and their prior scores: the most prominent, and those in `countries`."""
    readings = []
    prominence = 0.0
    for rank, value in enumerate(mention.numbers):
        if rank < MOST_READINGS or gazetteer.country(value >> 1) in countries:
            place = gazetteer.place(value >> 1)
            alone = prior(place)
            prominence = max(prominence, alone)
            secondary = value & 1 and place.level != "country"
            readings.append(Reading(value >> 1, place, alone - _SECONDARY if secondary else alone, bool(secondary)))
    readings.sort(key=lambda reading: -reading.score)
    return Found(mention, around, readings, prominence)


def score_alone(found: Found, home: frozenset[str]) -> None:
    """Add what the mention says by itself (script, kind of place, resemblance) and where its author is at home."""
    script = _lands_of_script(found.mention.norm)
    for reading in found.readings:
        place = reading.place
        if place.country in home:
            reading.score += _HOME
        if script and place.country in script:
            reading.score += _SCRIPT
        reading.score += _kind_score(place, found.around)
        if found.mention.spelling is Spelling.SKELETON:
            reading.score += 3.0 * (alike(found.mention.norm, place.name) - 0.8)
    share_out(found)


def score_in_scene(found: Found, scene: Scene, *, beside: Sequence[Place]) -> None:
    """Add what the rest of the post says to the readings' scores, order them and share out the confidence."""
    if len(found.readings) > 1:
        others = scene.without(found.mention.norm)
        for reading in found.readings:
            reading.score += _scene_score(reading.place, others)
            if any(_holds(outer, reading.place) for outer in beside):
                reading.score += _NAMED_BESIDE
    share_out(found)


def _scene_score(place: Place, scene: Scene) -> float:
    total = _SAME_COUNTRY * max(
        (weight for _, other, weight in scene.entries if other.country == place.country), default=0.0
    )
    if any(other.level in {"region", "district"} and other.place_id in place.parents for _, other, _ in scene.entries):
        total += _SAME_REGION
    if place.level not in {"country", "region"} and any(_is_near(place, other) for _, other, _ in scene.entries):
        total += _NEARBY
    return total


def _is_near(place: Place, other: Place) -> bool:
    if other.place_id == place.place_id or other.radius_km > _WIDEST_POINT_KM:
        return False
    return distance_km(place.lat, place.lon, other.lat, other.lon) < _NEAR_KM


def _kind_score(place: Place, around: Surroundings) -> float:
    """Prefer the kind of place that is named: "Idlib province", "the city of Aleppo"."""
    if "region" in around.says:
        return 2.5 if place.level in {"region", "district"} else -0.5
    if "settlement" in around.says:
        return 1.5 if place.level not in {"region", "country"} else -1.0
    return 0.0


def _holds(outer: Place, inner: Place) -> bool:
    if outer.place_id == inner.place_id:
        return False
    return outer.place_id in inner.parents or (outer.level == "country" and outer.country == inner.country)


def share_out(found: Found) -> None:
    """Order the readings and share a confidence of 1 among them."""
    found.readings.sort(key=lambda reading: -reading.score)
    if not found.readings:
        return
    top = found.readings[0].score
    weights = [exp(_SHARPNESS * (reading.score - top)) for reading in found.readings]
    total = sum(weights)
    for reading, weight in zip(found.readings, weights, strict=True):
        reading.share = weight / total


def _lands_of_script(norm: str) -> frozenset[str]:
    first = norm[0]
    if "\u0600" <= first <= "\u06ff":
        return ARABIC_LANDS
    if "\u0400" <= first <= "\u04ff":
        return CYRILLIC_LANDS
    return frozenset({"IL", "PS", "SY", "LB"}) if "\u05d0" <= first <= "\u05ea" else frozenset()


def alike(norm: str, name: str) -> float:
    """Return how much a spelling resembles a place's name, 0 to 1; 0.8 where the two have no script in common."""
    plain = fold(name).replace("-", " ").replace(" ", "")
    mine = norm.replace(" ", "")
    if not plain or (mine[0] < "\u0100") != (plain[0] < "\u0100"):
        return 0.8
    return SequenceMatcher(None, mine, plain).ratio()


def is_seat(region: Place, town: Place) -> bool:
    """Whether a region and a town in it share their name, so that the name alone does not tell which is meant."""
    return (
        region.level in {"region", "district"}
        and town.level in {"city", "village"}
        and (
            region.place_id in town.parents
            or distance_km(region.lat, region.lon, town.lat, town.lon) < max(40.0, region.radius_km)
        )
    )
