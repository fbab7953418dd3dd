"""How long it had been quiet, and whether anybody was watching: coverage of a window, and the last time it happened here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from math import floor

import msgspec

from app.domain.geo import distance_km

Interval = tuple[datetime, datetime]

RADIUS_KM = 15.0
DAY = timedelta(days=1)
PLACED_WITHIN = timedelta(days=90)  # a source without an area covers the countries in which it reported within this
UNKNOWN = "unknown"


class Happening(msgspec.Struct, frozen=True):
    """An incident as the lull sees it: what, by whom, where, and when it was last reported."""

    incident: str
    kind: str
    actors: tuple[str, ...]
    country: str
    lat: float
    lon: float
    first_at: datetime
    last_at: datetime


class Quiet(msgspec.Struct, frozen=True):
    """The answer: `days` is None where no number may be given; `reason` says why, or the whole line. `coverage` is a share, 0 to 1."""

    days: int | None
    reason: str
    last_at: datetime | None = None
    last_incident: str | None = None
    coverage: float | None = None


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union as sorted, disjoint intervals."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def subtract(interval: Interval, holes: Iterable[Interval]) -> list[Interval]:
    """Return what is left of the interval without the holes."""
    left: list[Interval] = []
    at, end = interval
    for hole_start, hole_end in merge(holes):
        if hole_end <= at or hole_start >= end:
            continue
        if hole_start > at:
            left.append((at, hole_start))
        at = max(at, hole_end)
    if at < end:
        left.append((at, end))
    return left


class ReplayRun(msgspec.Struct):
    """A replay: every source of the file counts as read from `start` to `end` (the newest `seen_at`), gaps excepted."""

    sources: frozenset[str]
    start: datetime
    end: datetime
    gaps: list[Interval] = msgspec.field(default_factory=list)
    source_gaps: dict[str, list[Interval]] = msgspec.field(default_factory=dict)

    def read_by(self, wanted: Collection[str]) -> list[Interval]:
        """Return when at least one of the wanted sources was read in this run."""
        mine = self.sources.intersection(wanted)
        if not mine:
            return []
        if not mine <= self.source_gaps.keys():  # one of them has no hole of its own: only the common holes count
            return subtract((self.start, self.end), self.gaps)
        spans = [subtract((self.start, self.end), [*self.gaps, *self.source_gaps[source]]) for source in mine]
        return merge(interval for span in spans for interval in span)


class CoverageBook:
    """When each source was truly read, and where in the world each one counts."""

    def __init__(self) -> None:
        self.intervals: dict[str, list[Interval]] = defaultdict(list)
        self.runs: dict[str, ReplayRun] = {}
        self.countries: dict[str, dict[str, datetime]] = defaultdict(dict)
        self.areas: dict[str, tuple[str, float, float, float] | None] = {}

    def cover(self, sources: Iterable[str], interval: Interval) -> None:
        for source in sources:
            held = self.intervals[source]
            if held and held[-1][0] <= interval[0] <= held[-1][1]:
                held[-1] = (held[-1][0], max(held[-1][1], interval[1]))
            else:
                self.intervals[source] = merge([*held, interval])

    def place(self, source: str, country: str, at: datetime) -> None:
        """Note that a report of this source was placed in this country."""
        before = self.countries[source].get(country)
        self.countries[source][country] = max(before, at) if before else at

    def sources_for(self, country: str, lat: float, lon: float, now: datetime) -> set[str]:
        """Return the sources that count for a place: by their own area, else by the countries of their reports in 90 days."""
        found = set()
        for source, area in self.areas.items():
            if area is not None and _inside(area, country, lat, lon):
                found.add(source)
        for source, placed in self.countries.items():
            if self.areas.get(source) is None and country in placed and now - placed[country] <= PLACED_WITHIN:
                found.add(source)
        return found

    def share(self, window: Interval, sources: Collection[str]) -> float:
        """Return the share of the window in which at least one of the sources was being read."""
        start, end = window
        if end <= start:
            return 0.0
        spans = [interval for source in sources for interval in self.intervals.get(source, ())]
        for run in self.runs.values():
            spans.extend(run.read_by(sources))
        clipped = merge((max(start, a), min(end, b)) for a, b in spans if a < end and b > start)
        return sum((b - a).total_seconds() for a, b in clipped) / (end - start).total_seconds()


def _inside(area: tuple[str, float, float, float], country: str, lat: float, lon: float) -> bool:
    area_country, area_lat, area_lon, radius_km = area
    if radius_km <= 0:
        return area_country == country
    return distance_km(area_lat, area_lon, lat, lon) <= radius_km


class History:
    """What happened before, by cells of half a degree: finds the last time of a kind by an actor near a place."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], dict[str, Happening]] = defaultdict(dict)
        self._where: dict[str, tuple[int, int]] = {}

    def note(self, happening: Happening) -> None:
        self.forget(happening.incident)
        cell = _cell(happening.lat, happening.lon)
        self._cells[cell][happening.incident] = happening
        self._where[happening.incident] = cell

    def forget(self, incident: str) -> None:
        cell = self._where.pop(incident, None)
        if cell is not None:
            del self._cells[cell][incident]

    def get(self, incident: str) -> Happening | None:
        cell = self._where.get(incident)
        return None if cell is None else self._cells[cell][incident]

    def last_before(self, this: Happening, radius_km: float = RADIUS_KM) -> Happening | None:
        """Return the latest other happening of this kind by this actor (`unknown` matches any) that ended before `this` began."""
        row, column = _cell(this.lat, this.lon)
        best: Happening | None = None
        for near in ((row + i, (column + j) % 720) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            for other in self._cells.get(near, {}).values():
                if other.incident == this.incident or other.kind != this.kind or other.last_at >= this.first_at:
                    continue
                if best is not None and (other.last_at, other.incident) <= (best.last_at, best.incident):
                    continue
                if same_actor(other.actors, this.actors) and (
                    distance_km(this.lat, this.lon, other.lat, other.lon) <= radius_km
                ):
                    best = other
        return best


def _cell(lat: float, lon: float) -> tuple[int, int]:
    return floor(lat * 2), floor(lon * 2) % 720


def same_actor(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two sets of actors may be the same party: they share one, or either is unknown."""
    named, others = set(one) - {UNKNOWN}, set(other) - {UNKNOWN}
    return not named or not others or bool(named & others)


def quiet_before(
    this: Happening, history: History, coverage: CoverageBook, *, now: datetime, coverage_min: float = 0.8
) -> Quiet:
    """Return for how many whole days the kind by the actor had not happened within 15 km before `this`, if that may be said."""
    what = f"{this.kind.replace('_', ' ')} by {', '.join(this.actors) or UNKNOWN} within {RADIUS_KM:.0f} km"
    before = history.last_before(this)
    if before is None:
        return Quiet(None, f"no earlier {what} in what we stored")
    elapsed = this.first_at - before.last_at
    if elapsed <= DAY:
        return Quiet(None, f"the last {what} was a day ago or less", before.last_at, before.incident)
    days = elapsed // DAY
    sources = coverage.sources_for(this.country, this.lat, this.lon, now)
    share = coverage.share((before.last_at, this.first_at), sources)
    last = f"{before.last_at.day} {before.last_at:%B %Y}"
    if share < coverage_min:
        reason = (
            f"the last {what} that we saw was on {last}, but we were reading only {share:.0%} of the time since:"
            f" {coverage_min:.0%} are needed to call it a lull"
        )
        return Quiet(None, reason, before.last_at, before.incident, share)
    reason = f"first {what} in {days} day{'s' * (days > 1)}, last on {last}, coverage {share:.0%}"
    return Quiet(days, reason, before.last_at, before.incident, share)
