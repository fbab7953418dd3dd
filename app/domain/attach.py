"""Posts that open nothing -> the incidents they belong to: by what they refer to, by place, else by kind and actor; or they wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from app.domain.changes import Changes
from app.domain.config import DeskOptions
from app.domain.desk_state import DeskState, Waiting
from app.domain.grades import SourceBook
from app.domain.incidents import TOLD_BY, Event, Facts, Incident, Member, events_of, fits, same_kind
from app.domain.lulls import UNKNOWN
from app.messages import Post, Tags

MOST = 10  # a threat against a whole country is shown on so many of its incidents, the newest


class Loose(msgspec.Struct, frozen=True):
    """A post without an incident of its own, and what it says: events with a place, kind, actors, countries named."""

    member: Member
    events: tuple[Event, ...]
    kind: str
    actors: tuple[str, ...]
    countries: tuple[str, ...]
    exercise: bool


def loose(member: Member, tags: Tags, book: SourceBook, *, exercise: bool) -> Loose:
    """Read a post for attaching. A denial that names nobody speaks for the party whose account it is."""
    named = tuple(actor for actor in tags.actors if actor != UNKNOWN)
    speaker = book.card(member.source).actor
    actors = named or ((speaker,) if speaker else ())
    events = tuple(msgspec.structs.replace(event, actors=actors or (UNKNOWN,)) for event in events_of(tags))
    countries = tuple(dict.fromkeys(place.country for place in tags.places if place.country))
    return Loose(member, events, tags.kind, actors, countries, exercise)


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
    found = _by_actor(state, this, timedelta(hours=options.denial_hours)) if not this.events else []
    if len(found) == 1:
        return [_with(found[0], this.member)]
    noted = msgspec.structs.replace(this.member, note=f"no place given, one of {len(found)}")
    return [_with(incident, noted) for incident in found]


def wait(state: DeskState, this: Loose, options: DeskOptions, changes: Changes) -> None:
    """Keep the post for the incidents that open within the hours of a denial."""
    if this.member.role in TOLD_BY:
        return
    until = this.member.seen_at + timedelta(hours=options.denial_hours)
    state.waiting[this.member.post] = Waiting(
        this.member, this.events, this.kind, this.actors, this.countries, until, this.exercise
    )
    changes.waiting[this.member.post] = None


def attach_waiting(
    state: DeskState, incident_id: str, now: datetime, takes_for: timedelta, changes: Changes
) -> Incident:
    """Return the incident that has just opened with the posts that were waiting for it."""
    incident, facts = state.incidents[incident_id], state.facts[incident_id]
    for post, waiting in list(state.waiting.items()):
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
        if _accused(this.kind, this.actors, this.countries, facts)
    ]


def _with(incident: Incident, member: Member) -> Incident:
    return msgspec.structs.replace(incident, members=(*incident.members, member))
