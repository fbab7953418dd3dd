"""tagged posts -> incidents: what a post says happened, which incident it belongs to, and what an incident is when its posts are joined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from app.domain.config import DeskOptions
from app.domain.geo import distance_km
from app.domain.lulls import UNKNOWN, Happening, Quiet, same_actor
from app.domain.origins import Echoes, Origin, Voice, level_of, origins_of
from app.messages import IncidentView, PlaceTag, PlaceView, Tags

JOIN_KM = 5.0  # same-day neighbours in Syria lie 2.9 km apart at the first quartile, 13 km at the median
COARSE_KM = 20.0  # an area of this radius or more (a district, a region) names no place of its own
COARSE_WITHIN = timedelta(hours=6)  # so long a report that names only a region joins the one incident in it
COUNTRY_KM = 150.0
VAGUE = frozenset(
    {"air_strike", "shelling", "remote_explosive", "suicide_bomb"}
)  # what "an explosion" may turn out to be
VAGUEST = "explosion_unspecified"
_SURE_OWNERS, _DOUBTERS = 2, 4  # who says what a bang was, against who heard only a bang
OPENS = "report"
ANY_KIND = ""
TOLD_BY = frozenset({"report", "aftermath"})  # roles whose posts count as the incident's own


class Event(msgspec.Struct, frozen=True):
    """One thing that a post says happened: `ordinal` counts the events of the post."""

    ordinal: int
    kind: str
    actors: tuple[str, ...]
    place: PlaceView
    killed: tuple[int, int] | None
    wounded: tuple[int, int] | None


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post's part in an incident. `role` is its claim; `event` is None where it names no place of its own (a bare denial).

    `watches` maps the watches whose rule it matches to the sentences why; `fresh` is False for history and for posts seen late.
    `judged` is the version of the watches that said so.
    """

    given_id: str
    role: str
    voice: Voice
    at: datetime
    seen_at: datetime
    revision: str
    source: str
    event: Event | None = None
    watches: dict[str, tuple[str, ...]] = {}
    fresh: bool = True
    note: str = ""
    judged: str = ""

    @property
    def post(self) -> str:
        return self.voice.post


class Editor(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the desk's people did to an incident. `merged_into` names the incident that took its posts."""

    acknowledged_by: str | None = None
    confirmed_by: str | None = None
    dismissed_by: str | None = None
    withdrawn_by: str | None = None
    merged_into: str | None = None
    muted_until: datetime | None = None
    why: str = ""


class Facts(msgspec.Struct, frozen=True):
    """An incident summed up: everything that the desk decides on and shows."""

    kind: str
    place: PlaceView
    actors: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    level: str
    state: str
    origins: tuple[Origin, ...]
    killed: tuple[int, int] | None
    wounded: tuple[int, int] | None
    reports: int
    posts: int
    denials: int
    level_reason: str


class Incident(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened: its posts in the order they were seen, the editor's state and how quiet it had been before.

    `stood`: what it was when its last report left it, kept so that it can still be shown.
    """

    id: str
    members: tuple[Member, ...]
    editor: Editor = Editor()
    quiet: Quiet = Quiet(None, "")
    exercise: bool = False
    stood: Facts | None = None


def digest(*parts: object) -> str:
    """Return a deterministic id of 32 hexadecimal digits for the parts."""
    return blake2b("\x1f".join(str(part) for part in parts).encode(), digest_size=16).hexdigest()


def event_time(created_at: datetime | None, seen_at: datetime) -> datetime:
    """Return when a post speaks: its own time where that is plausible and not after we saw it, else when we saw it."""
    return created_at if created_at is not None and created_at <= seen_at else seen_at


def events_of(tags: Tags) -> tuple[Event, ...]:
    """Return the events of a post, one a place at which it says something happened; none without a kind or such a place."""
    if tags.kind == "none":
        return ()
    places: dict[str, PlaceTag] = {}
    for place in tags.places:
        held = places.get(place.place_id)
        if place.role == "event" and (held is None or place.confidence > held.confidence):
            places[place.place_id] = place
    one = len(places) == 1  # a toll said once for several places belongs to none of them
    return tuple(
        Event(
            ordinal=number,
            kind=tags.kind,
            actors=tags.actors or (UNKNOWN,),
            place=area(place),
            killed=tags.killed if one else None,
            wounded=tags.wounded if one else None,
        )
        for number, place in enumerate(places.values())
    )


def area(place: PlaceTag) -> PlaceView:
    return PlaceView(place.place_id, place.name, place.country, place.lat, place.lon, place.radius_km, place.confidence)


def fits(event: Event, at: datetime, facts: Facts, takes_for: timedelta) -> float | None:
    """Return how far apart the event and the incident lie (km, smaller fits better), None where they are two things."""
    if not (facts.first_at - takes_for <= at <= facts.last_at + takes_for):
        return None
    if not same_kind(event.kind, facts.kind) or not same_actor(event.actors, facts.actors):
        return None
    here, there = event.place, facts.place
    if here.place_id == there.place_id:
        return 0.0
    apart = distance_km(here.lat, here.lon, there.lat, there.lon)
    if apart <= JOIN_KM:
        return apart
    coarse = max(here.radius_km, there.radius_km)
    soon = facts.first_at - COARSE_WITHIN <= at <= facts.last_at + COARSE_WITHIN
    if coarse >= COARSE_KM and soon and here.country == there.country and apart <= coarse:
        return 1000.0 + apart  # whatever names the place itself comes first
    return None


def same_kind(one: str, other: str) -> bool:
    """Return whether two kinds may be the same thing: equal, either is any (""), or a bang that the other explains."""
    if ANY_KIND in {one, other}:
        return True
    return one == other or (one == VAGUEST and other in VAGUE) or (other == VAGUEST and one in VAGUE)


def summarise(
    incident: Incident, *, any_configured: bool, options: DeskOptions, echoes: Echoes | None = None
) -> Facts | None:
    """Return what the incident is now; None where it has no report left to say so. `echoes`: kept from the last time, for speed alone."""
    reports = [member for member in incident.members if member.role == OPENS and member.event is not None]
    if not reports:
        return None
    own = [member for member in incident.members if member.role in TOLD_BY]
    origins = origins_of(_counted(own), echoes)
    level, reason = level_of(origins, any_configured=any_configured, confirm=options.confirm)
    if incident.editor.confirmed_by:
        level, reason = "confirmed", f"confirmed by {incident.editor.confirmed_by}"
    return Facts(
        kind=_kind(reports),
        place=_place(reports),
        actors=_actors(reports),
        first_at=min(member.at for member in reports),
        last_at=max(member.at for member in reports),
        level=level,
        state=state_of(incident.editor),
        origins=origins,
        killed=_toll(member.event.killed for member in own if member.event),
        wounded=_toll(member.event.wounded for member in own if member.event),
        reports=len(reports),
        posts=len(own),
        denials=sum(member.role == "denial" and not member.note for member in incident.members),
        level_reason=reason,
    )


def state_of(editor: Editor) -> str:
    if editor.merged_into:
        return "merged"
    if editor.withdrawn_by:
        return "withdrawn"
    return "dismissed" if editor.dismissed_by else "open"


def _counted(members: Sequence[Member]) -> list[Voice]:
    """Leave out the voices that only named the country: they do not speak of this place."""
    return [
        member.voice
        for member in members
        if member.event is None or member.event.place.radius_km < COUNTRY_KM or len(members) == 1
    ] or [member.voice for member in members]


def _kind(reports: Sequence[Member]) -> str:
    """Return the kind most often named, the first of equals. A bang that four heard stays one until two say what it was."""
    owners: dict[str, set[str]] = {}
    for member in reports:
        if member.event is not None:
            owners.setdefault(member.event.kind, set()).add(member.voice.key)
    unsure = owners.pop(VAGUEST, set())
    if not owners:
        return VAGUEST
    kind = max(owners, key=lambda one: len(owners[one]))
    opened = next(member.event.kind for member in reports if member.event is not None)
    alone = opened == VAGUEST and len(owners[kind]) < _SURE_OWNERS and len(unsure) >= _DOUBTERS
    return VAGUEST if alone else kind


def _actors(reports: Sequence[Member]) -> tuple[str, ...]:
    named: dict[str, None] = {}
    for member in reports:
        if member.event is not None:
            named.update(dict.fromkeys(actor for actor in member.event.actors if actor != UNKNOWN))
    return tuple(named) or (UNKNOWN,)


def _place(reports: Sequence[Member]) -> PlaceView:
    """Return the finest place, the one most often named among these, the first of them said."""
    places = [member.event.place for member in reports if member.event is not None]
    fine = [place for place in places if place.radius_km < COARSE_KM] or places
    times: dict[str, int] = {}
    for place in fine:
        times[place.place_id] = times.get(place.place_id, 0) + 1
    winner = max(times, key=lambda place_id: times[place_id])  # the first of equals
    same = [place for place in fine if place.place_id == winner]
    return max(same, key=lambda place: (-place.radius_km, place.confidence))


def _toll(said: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    known = [toll for toll in said if toll is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def happening(incident_id: str, facts: Facts) -> Happening:
    return Happening(
        incident=incident_id,
        kind=facts.kind,
        actors=facts.actors,
        country=facts.place.country,
        lat=facts.place.lat,
        lon=facts.place.lon,
        first_at=facts.first_at,
        last_at=facts.last_at,
    )


def view_of(incident: Incident, facts: Facts | None) -> IncidentView:
    """Return the incident as everybody sees it; one that has no report left is shown as withdrawn, where it last stood."""
    shown = facts or incident.stood
    if shown is None:
        raise ValueError(f"incident {incident.id} never had a report")
    own = [member.given_id for member in incident.members if member.role in TOLD_BY]
    related = [member.given_id for member in incident.members if member.role not in TOLD_BY]
    notes = [f"{member.given_id}: {member.note}" for member in incident.members if member.note]
    reasons = (shown.level_reason if facts else "no report is left", incident.quiet.reason, *notes)
    return IncidentView(
        id=incident.id,
        kind=shown.kind,
        place=shown.place,
        actors=shown.actors,
        first_at=shown.first_at,
        last_at=shown.last_at,
        level=shown.level if facts else "reported",
        state=shown.state if facts else "withdrawn",
        posts=tuple(dict.fromkeys(own)),
        origins=tuple(origin.name for origin in facts.origins) if facts else (),
        killed=shown.killed,
        wounded=shown.wounded,
        quiet_days=incident.quiet.days,
        related=tuple(dict.fromkeys(related)),
        reasons=tuple(filter(None, reasons)),
    )
