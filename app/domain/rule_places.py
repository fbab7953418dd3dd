"""The places that a rule names, looked up: the one that is meant, or an error with the nearest names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.domain.rule_ast import Op, Rule, Term
from app.domain.rule_match import PLACE_OPS, CompiledRule, PlaceTest, ancestors
from app.errors import RuleError

if TYPE_CHECKING:
    from app.domain.gazetteer import Gazetteer, Place

MOST_SUGGESTED = 5
WIDE_LEVELS = frozenset({"country", "region", "district"})


def compile_rule(rule: Rule, gazetteer: Gazetteer) -> CompiledRule:
    """Return the rule ready to match; raise `RuleError` with position and nearest names where a place is not known."""
    places: dict[Term, PlaceTest] = {}
    notes: dict[str, None] = {}
    for term in rule.terms():
        if term.op not in PLACE_OPS:
            continue
        found = _meant(term, gazetteer)
        if not found:
            raise RuleError(_unknown(term.value, gazetteer), rule=rule.text, position=term.start + len(term.op) + 1)
        places[term] = PlaceTest(term, found[0], gazetteer)
        if len(found) > 1:
            notes[_note(term.value, found)] = None
    return CompiledRule(rule, places, tuple(notes))


def _meant(term: Term, gazetteer: Gazetteer) -> list[Place]:
    """Return the places that the name may mean, the one that counts first; "Tripoli, Libya" names one by what it lies in."""
    found = list(gazetteer.lookup(term.value))
    if not found and "," in term.value:
        name, _, container = term.value.rpartition(",")
        found = _inside(gazetteer.lookup(name), container.strip(), gazetteer)
    if found and term.op is Op.PLACE:
        # "place:Idlib" is the governorate, not the city that has its name and lies in it.
        around = ancestors(found[0].place_id, gazetteer)
        found.sort(key=lambda place: place.place_id not in around)
    elif term.op is Op.NEAR:
        found.sort(
            key=lambda place: place.level in WIDE_LEVELS
        )  # a distance is from the city, not from its region's middle
    return found


def _inside(places: tuple[Place, ...], container: str, gazetteer: Gazetteer) -> list[Place]:
    around = gazetteer.lookup(container)
    countries = {place.country for place in around if place.level == "country"} | {container.upper()}
    ids = {place.place_id for place in around}
    return [place for place in places if place.country in countries or ids & ancestors(place.place_id, gazetteer)]


def _note(name: str, found: list[Place]) -> str:
    others = ", ".join(_shown(place) for place in found[1 : MOST_SUGGESTED + 1])
    return f"{name} is read as {_shown(found[0])}; it could also be {others}"


def _unknown(name: str, gazetteer: Gazetteer) -> str:
    near = [_shown(place) for place in gazetteer.suggest(name, MOST_SUGGESTED)]
    meant = f"; did you mean {', '.join(near)}?" if near else ""
    return f"no place is called {name}{meant}"


def _shown(place: Place) -> str:
    name = f"{place.name}, {place.country}" if place.country and place.level != "country" else place.name
    return f"{name} ({place.level})"
