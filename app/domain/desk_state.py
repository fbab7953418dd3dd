"""What the desk holds in memory: open incidents and how to find them, what each watch was told, coverage, history, the ledger.

All of it can be rebuilt from the database; `loaded_from` says from which last report on every incident is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import floor

import msgspec

from app.domain.alerts import Told
from app.domain.incidents import COARSE_KM, Event, Facts, Incident, Member, fits
from app.domain.ledger import Ranges
from app.domain.lulls import CoverageBook, History
from app.domain.origins import Echoes

_CELL = 2  # cells of half a degree: 55 km high, 28 km wide at 60 degrees, so 5 km never reaches past a neighbour


class KnownPost(msgspec.Struct, frozen=True):
    """What the store holds of a post: the revision in force, all revisions, whose it is."""

    id: str
    given_id: str
    source: str
    content_hash: str
    revised_at: datetime
    deleted: bool
    revisions: frozenset[tuple[datetime, str]]
    created_at: datetime | None = None  # of its first revision: an edit is younger than what it tells of


class Waiting(msgspec.Struct, frozen=True):
    """A post that found no incident (a denial, a threat) and is tried on those that open within its hours."""

    member: Member
    events: tuple[Event, ...]
    kind: str
    actors: tuple[str, ...]
    countries: tuple[str, ...]
    until: datetime
    exercise: bool = False
    used: bool = False


class DeskState:
    """The memory of the desk. Changed only by decisions whose batch is then committed; dropped and reloaded when a commit fails."""

    def __init__(self) -> None:
        self.incidents: dict[str, Incident] = {}
        self.facts: dict[str, Facts | None] = {}
        self.told: dict[str, dict[str, Told]] = defaultdict(dict)  # by incident, then watch
        self.by_post: dict[str, dict[str, None]] = defaultdict(dict)
        self.waiting: dict[str, Waiting] = {}
        self.known: dict[str, KnownPost] = {}
        self.source_states: dict[str, str] = {}  # what the producers said last, by `source_key`
        self.coverage = CoverageBook()
        self.history = History()
        self.ledger: dict[str, Ranges] = defaultdict(Ranges)
        self.loaded_from: datetime | None = None
        self.echoes: dict[str, Echoes] = defaultdict(Echoes)
        self.loads = 0  # how often incidents came in from the database
        self._cells: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
        self._countries: dict[str, dict[str, None]] = defaultdict(dict)
        self._coarse: dict[str, dict[str, None]] = defaultdict(
            dict
        )  # by country: those that name no place of their own

    def put(self, incident: Incident, facts: Facts | None) -> None:
        """Add or replace an incident; without facts it is kept but found by nobody."""
        self.remove(incident.id)
        self.incidents[incident.id] = incident
        self.facts[incident.id] = facts
        for member in incident.members:
            self.by_post[member.post][incident.id] = None
        if facts is not None:
            self._cells[_cell(facts.place.lat, facts.place.lon)][incident.id] = None
            self._countries[facts.place.country][incident.id] = None
            if facts.place.radius_km >= COARSE_KM:
                self._coarse[facts.place.country][incident.id] = None

    def remove(self, incident_id: str) -> None:
        incident = self.incidents.pop(incident_id, None)
        if incident is None:
            return
        facts = self.facts.pop(incident_id)
        for member in incident.members:
            self.by_post[member.post].pop(incident_id, None)
        if facts is not None:
            self._cells[_cell(facts.place.lat, facts.place.lon)].pop(incident_id, None)
            self._countries[facts.place.country].pop(incident_id, None)
            self._coarse[facts.place.country].pop(incident_id, None)

    def of_post(self, post: str) -> list[Incident]:
        return [self.incidents[incident] for incident in sorted(self.by_post.get(post, ()))]

    def standing(self, *, exercise: bool) -> Iterable[tuple[Incident, Facts]]:
        """Yield the incidents that have a report and were not merged away, exercises apart from real ones."""
        for incident_id, incident in self.incidents.items():
            facts = self.facts[incident_id]
            if facts is not None and incident.exercise is exercise and not incident.editor.merged_into:
                yield incident, facts

    def best_fit(self, event: Event, at: datetime, *, exercise: bool, takes_for: timedelta) -> Incident | None:
        """Return the incident that the event belongs to: nearest, then latest; several regions at once are none."""
        found: list[tuple[float, float, str]] = []
        for incident_id in self._near(event):
            facts, incident = self.facts[incident_id], self.incidents[incident_id]
            if facts is None or incident.exercise is not exercise or incident.editor.merged_into:
                continue
            apart = fits(event, at, facts, takes_for)
            if apart is not None:
                found.append((apart, -facts.last_at.timestamp(), incident_id))
        if not found:
            return None
        apart, _, best = min(found)
        vague = apart >= 1000.0 and event.place.radius_km >= COARSE_KM
        return None if vague and len(found) > 1 else self.incidents[best]

    def _near(self, event: Event) -> Iterable[str]:
        if event.place.radius_km >= COARSE_KM:
            return tuple(self._countries.get(event.place.country, ()))
        row, column = _cell(event.place.lat, event.place.lon)
        cells = ((row + i, (column + j) % (360 * _CELL)) for i in (-1, 0, 1) for j in (-1, 0, 1))
        near = {incident: None for cell in cells for incident in self._cells.get(cell, ())}
        near.update(self._coarse.get(event.place.country, {}))
        return near

    def forget_before(self, horizon: datetime) -> None:
        """Let go of incidents whose last report is older; they are loaded again when a post needs them."""
        for incident_id, facts in list(self.facts.items()):
            if facts is None or facts.last_at < horizon:
                self.remove(incident_id)
                self.told.pop(incident_id, None)
                self.echoes.pop(incident_id, None)
        self.loaded_from = horizon if self.loaded_from is None else max(self.loaded_from, horizon)


def _cell(lat: float, lon: float) -> tuple[int, int]:
    return floor(lat * _CELL), floor(lon * _CELL) % (360 * _CELL)
