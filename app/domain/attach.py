"""Posts that open nothing -> the incidents they belong to: by what they refer to, by place, else by kind and actor; or they wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.domain.changes import Changes
from app.domain.config import DeskOptions
from app.domain.desk_state import DeskState, Waiting
from app.domain.geo import distance_km
from app.domain.grades import SourceBook
from app.domain.incidents import (
    ANY_KIND,
    COARSE_KM,
    COUNTRY_KM,
    TOLD_BY,
    Event,
    Facts,
    Incident,
    Member,
    area,
    events_of,
    fits,
    same_kind,
)
from app.domain.lulls import UNKNOWN
from app.messages import PlaceTag, PlaceView, Post, Tags

MOST = 10  # a threat against a whole country is shown on so many of its incidents, the newest
UNSAID = frozenset({"none", "other_event", "attack_on_civilians"})  # "reports from X are false" says not of what


class Loose(msgspec.Struct, frozen=True):
    """A post without an incident of its own, and what it says: events with a place, kind, actors, countries named.

    `wide`: the areas that it may mean where it names no town: regions, countries, the region that bears a town's name.
    """

    member: Member
    events: tuple[Event, ...]
    kind: str
    actors: tuple[str, ...]
    countries: tuple[str, ...]
    exercise: bool
    wide: tuple[PlaceView, ...] = ()


def loose(member: Member, tags: Tags, book: SourceBook, *, exercise: bool) -> Loose:
    """Read a post for attaching. A denial that names nobody speaks for the party whose account it is."""
    named = tuple(actor for actor in tags.actors if actor != UNKNOWN)
    speaker = book.card(member.source).actor
    actors = named or ((speaker,) if speaker else ())
    kind = ANY_KIND if member.role == "denial" and tags.kind in UNSAID else tags.kind
    said = events_of(msgspec.structs.replace(tags, kind=kind))
    events = tuple(msgspec.structs.replace(event, actors=actors or (UNKNOWN,)) for event in said)
    there = [place for place in tags.places if place.role == "event"]
    countries = tuple(dict.fromkeys(place.country for place in there if place.country))
    wide = tuple(_widest(place) for place in there) if all(place.radius_km >= COARSE_KM for place in there) else ()
    return Loose(member, events, kind, actors, countries, exercise, wide)


def _widest(place: PlaceTag) -> PlaceView:
    """Return the largest area that the name may mean: "Idlib" is a town, and the region around it."""
    around = [
        other
        for other in place.alternatives
        if other.country == place.country and distance_km(other.lat, other.lon, place.lat, place.lon) <= other.radius_km
    ]
    other = max(around, key=lambda one: one.radius_km, default=None)
    if other is None or other.radius_km <= place.radius_km:
        return area(place)
    return PlaceView(other.place_id, other.name, other.country, other.lat, other.lon, other.radius_km, other.confidence)


def attach(state: DeskState, this: Loose, post: Post, options: DeskOptions) -> list[Incident]:
    """Return the incidents that the post now belongs to, with it among their members; none: it belongs to none that stands."""
    referred = _referred(state, post)
    if referred:
        return [_with(incident, this.member) for incident in referred]
    if this.member.role in TOLD_BY:
        return []
    takes_for = timedelta(hours=options.incident_hours)
    placed = _by_place(state, this, takes_for)
    if placed or this.member.role != "denial":
        return [_with(incident, this.member) for incident in placed]
    vague = bool(this.wide) or not this.events
    found = _by_actor(state, this, timedelta(hours=options.denial_hours)) if vague else []
    if len(found) == 1:
        return [_with(found[0], this.member)]
    noted = msgspec.structs.replace(this.member, note=f"no place given, one of {len(found)}")
    return [_with(incident, noted) for incident in found]


def wait(state: DeskState, this: Loose, options: DeskOptions, changes: Changes) -> None:
    """Keep the post for the incidents that open within the hours of a denial."""
    if this.member.role in TOLD_BY:
        return
    until = this.member.seen_at + timedelta(hours=options.denial_hours)
    wider = tuple(msgspec.structs.replace(this.events[0], place=place) for place in this.wide) if this.events else ()
    events = (*this.events, *wider) if this.member.role == "denial" else this.events
    state.waiting[this.member.post] = Waiting(
        this.member, events, this.kind, this.actors, this.countries, until, this.exercise
    )
    changes.waiting[this.member.post] = None


def attach_waiting(
    state: DeskState, incident_id: str, now: datetime, takes_for: timedelta, changes: Changes
) -> Incident:
    """Return the incident that has just opened with the posts that were waiting for it."""
    incident, facts = state.incidents[incident_id], state.facts[incident_id]
    for post, waiting in sorted(state.waiting.items(), key=lambda one: (one[1].member.seen_at, one[0])):
        if waiting.until < now:
            del state.waiting[post]
            changes.waiting[post] = None
        elif facts is not None and waiting.exercise is incident.exercise and _speaks_of(waiting, facts, takes_for):
            note = "no place given, it spoke of another incident before" if waiting.used and not waiting.events else ""
            incident = _with(incident, msgspec.structs.replace(waiting.member, note=note))
            state.waiting[post] = msgspec.structs.replace(waiting, used=True)
            changes.waiting[post] = None
    return incident


def _speaks_of(waiting: Waiting, facts: Facts, takes_for: timedelta) -> bool:
    if waiting.events:
        return any(fits(event, waiting.member.at, facts, takes_for) is not None for event in waiting.events)
    if waiting.member.role != "denial":
        return False
    return _accused(waiting.kind, waiting.actors, waiting.countries, facts)


def _accused(kind: str, actors: Sequence[str], countries: Sequence[str], facts: Facts) -> bool:
    shares = bool(set(actors) & (set(facts.actors) - {UNKNOWN}))
    kind_fits = kind == "none" or same_kind(kind, facts.kind)
    return shares and kind_fits and (not countries or facts.place.country in countries)


def _referred(state: DeskState, post: Post) -> list[Incident]:
    for reference in (post.repost_of, post.quote_of, post.reply_to):
        if reference is not None and reference != post.id:
            found = [incident for incident in state.of_post(reference) if state.facts[incident.id] is not None]
            if found:
                return found
    return []


def _by_place(state: DeskState, this: Loose, takes_for: timedelta) -> list[Incident]:
    """A denial with a place speaks of the one incident there; a threat is shown on every incident that it covers."""
    at = this.member.at
    if this.member.role == "denial":
        best = (state.best_fit(event, at, exercise=this.exercise, takes_for=takes_for) for event in this.events)
        return list({incident.id: incident for incident in best if incident is not None}.values())
    found = [
        (facts.last_at, incident.id)
        for incident, facts in state.standing(exercise=this.exercise)
        if any(fits(event, at, facts, takes_for) is not None for event in this.events)
    ]
    return [state.incidents[incident] for _, incident in sorted(found, reverse=True)[:MOST]]


def _by_actor(state: DeskState, this: Loose, within: timedelta) -> list[Incident]:
    at = this.member.at
    return [
        incident
        for incident, facts in state.standing(exercise=this.exercise)
        if timedelta(0) <= at - facts.first_at and at - facts.last_at <= within
        if _accused(this.kind, this.actors, this.countries, facts) and _within(this.wide, facts.place)
    ]


def _within(wide: Sequence[PlaceView], place: PlaceView) -> bool:
    """Return whether one of the areas holds the place; a country is told by its code, none named means anywhere."""
    return not wide or any(
        one.radius_km >= COUNTRY_KM or distance_km(one.lat, one.lon, place.lat, place.lon) <= one.radius_km
        for one in wide
    )


def _with(incident: Incident, member: Member) -> Incident:
    return msgspec.structs.replace(incident, members=(*incident.members, member))
