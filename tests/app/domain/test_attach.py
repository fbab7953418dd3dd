"""Which incidents a denial belongs to when it names a country, a region, a capital that speaks, or not what it denies."""

from __future__ import annotations

import msgspec
import pytest

from app.messages import PlaceReading, PlaceTag, Tags
from tests.wire import DeskInMemory, Wire, place, tags

SYRIA = PlaceTag("Syria", 0, 5, "sy", "Syria", "SY", 35.0, 38.5, 243.0, 0.9, "event", "in", "country")
MOSCOW = PlaceTag("Moscow", 0, 6, "ru", "Moscow", "RU", 55.75, 37.6, 28.0, 0.9, "context", "in", "city")
GOVERNORATE = PlaceReading("gov", "Idlib Governorate", "SY", 35.8, 36.7, 48.0, 0.4)
IDLIB = PlaceTag(
    "Idlib", 0, 5, "town", "Idlib", "SY", 35.93, 36.63, 20.0, 0.7, "event", "in", "city", alternatives=(GOVERNORATE,)
)


def denial(*places: PlaceTag, **more: object) -> Tags:
    return msgspec.structs.replace(tags(claim="denial", at=(), **more), places=places)  # type: ignore[arg-type]


def related(desk: DeskInMemory) -> list[tuple[str, ...]]:
    return [incident.related for incident in desk.incidents()]


@pytest.mark.parametrize("named", [(SYRIA,), (MOSCOW, SYRIA), (MOSCOW,), (IDLIB,)])
def test_area_or_capital_named_by_a_denial_leaves_the_one_incident_of_its_actor(named: tuple[PlaceTag, ...]) -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=denial(*named)))
    assert related(desk) == [("2",)]
    assert desk.steps() == ["first", "updated"]


@pytest.mark.parametrize("named", [SYRIA, place("idlib")])
def test_denial_for_an_area_that_holds_several_is_related_to_each_and_alerts_nobody(named: PlaceTag) -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 1, said=tags(at=("saraqib",))))
    assert desk.feed(wire.item("3", 30, said=denial(named))) == []
    assert related(desk) == [("3",), ("3",)]


def test_denial_for_a_town_in_which_nothing_is_reported_waits() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=denial(place("saraqib"))))
    assert related(desk) == [()]
    desk.feed(wire.item("3", 60, said=tags(at=("saraqib",))))
    assert related(desk) == [(), ("2",)]


def test_denial_for_a_region_says_nothing_of_another_country() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", said=tags(at=("kharkiv",))), wire.item("2", 30, said=denial(SYRIA)))
    assert related(desk) == [()]


@pytest.mark.parametrize("kind", ["none", "other_event", "attack_on_civilians"])
def test_denial_that_says_not_what_it_denies_goes_by_its_place(kind: str) -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=denial(place("jisr"), kind=kind, actors=())))
    assert related(desk) == [("2",)]


def test_denial_of_another_kind_is_of_something_else() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1"), wire.item("2", 30, said=denial(place("jisr"), kind="chemical_weapon")))
    assert related(desk) == [()]


def test_denial_that_named_the_town_waits_for_its_region_too() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", said=denial(IDLIB)), wire.item("2", 30))
    assert related(desk) == [("1",)]
