"""Incidents as everybody sees them, read in the order of their last change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Audit, Incident, IncidentPost, Post
from app.messages import IncidentView


class StoredIncident(NamedTuple):
    """An incident with the number of its last change."""

    change_no: int
    view: IncidentView
    exercise: bool
    stored_at: datetime


class IncidentFilter(NamedTuple):
    """Which incidents are wanted; None wants all. `since`: with a report at or after it. `box`: west, south, east, north."""

    level: str | None = None
    kind: str | None = None
    state: str | None = None
    country: str | None = None
    since: datetime | None = None
    box: tuple[float, float, float, float] | None = None
    exercise: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = [] if self.exercise else [Incident.exercise == false()]
        pairs = (
            (Incident.level, self.level),
            (Incident.kind, self.kind),
            (Incident.state, self.state),
            (Incident.country, self.country),
        )
        wanted += [column == value for column, value in pairs if value is not None]
        if self.since is not None:
            wanted.append(Incident.last_at >= self.since)
        if self.box is not None:
            west, south, east, north = self.box
            wanted.append(Incident.lat.between(south, north))
            # A box over the date line has its western edge east of its eastern one.
            across = (Incident.lon >= west) | (Incident.lon <= east)
            wanted.append(Incident.lon.between(west, east) if west <= east else across)
        return wanted


class PostInIncident(NamedTuple):
    """A post as an incident's page shows it: who said it when, and as what it counts there."""

    post_id: str
    given_id: str
    role: str
    platform: str
    author: str
    author_name: str | None
    source: str
    created_at: datetime | None
    seen_at: datetime
    deleted_at: datetime | None
    text: str
    lang: str | None
    url: str | None


class Action(NamedTuple):
    """What an editor did: who, when, why."""

    at: datetime
    who: str
    action: str
    why: str


ALL = IncidentFilter()
COLUMNS = (Incident.change_no, Incident.view, Incident.exercise, Incident.stored_at)


async def by_level(session: AsyncSession, since: datetime) -> dict[str, int]:
    """Return how many open incidents have a report at or after `since`, by level; exercises are not counted."""
    query = select(Incident.level, func.count()).where(*IncidentFilter(state="open", since=since).conditions())
    return dict((await session.execute(query.group_by(Incident.level))).tuples().all())


async def after(
    session: AsyncSession, change_no: int, *, limit: int, wanted: IncidentFilter = ALL
) -> list[StoredIncident]:
    """Return the first `limit` incidents changed after `change_no`, in the order of their last change."""
    query = select(*COLUMNS).where(Incident.change_no > change_no, *wanted.conditions())
    rows = (await session.execute(query.order_by(Incident.change_no).limit(limit))).all()
    return _stored(rows)


async def newest(session: AsyncSession, *, limit: int, wanted: IncidentFilter = ALL) -> list[StoredIncident]:
    """Return the `limit` incidents that changed last, in the order of their last change."""
    query = select(*COLUMNS).where(*wanted.conditions()).order_by(Incident.change_no.desc()).limit(limit)
    return _stored((await session.execute(query)).all())[::-1]


async def by_id(session: AsyncSession, incident_id: str) -> StoredIncident | None:
    """Return one incident, exercises included."""
    query = select(*COLUMNS).where(Incident.id == incident_id)
    return next(iter(_stored((await session.execute(query)).all())), None)


async def posts_of(session: AsyncSession, incident_id: str) -> list[PostInIncident]:
    """Return the posts of an incident in the order in which they were seen, a post once even where it tells of two events."""
    query = (
        select(
            Post.id, Post.given_id, IncidentPost.role, Post.platform, Post.author, Post.author_name, Post.source,
            Post.created_at, Post.seen_at, Post.deleted_at, Post.text, Post.lang, Post.url,
        )
        .join(IncidentPost, IncidentPost.post_id == Post.id)
        .where(IncidentPost.incident_id == incident_id)
        .order_by(Post.seen_at, Post.id, IncidentPost.ordinal)
    )  # fmt: skip
    found: dict[str, PostInIncident] = {}
    for row in await session.execute(query):
        found.setdefault(row[0], PostInIncident._make(row))
    return list(found.values())


async def actions_on(session: AsyncSession, incident_id: str) -> list[Action]:
    """Return what editors did to an incident, oldest first."""
    query = select(Audit.at, Audit.who, Audit.action, Audit.why).where(Audit.subject == incident_id)
    return [Action(*row) for row in (await session.execute(query.order_by(Audit.change_no, Audit.at)))]


def _stored(rows: Sequence[tuple[int, IncidentView, bool, datetime]]) -> list[StoredIncident]:
    return [StoredIncident(*row) for row in rows]
