"""Sources: what is configured, what the producers last said of each, and when each was truly read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db.config import source_of
from app.db.models import CoverageInterval, GapRow, Source, SourceStatus
from app.db.types import UtcDateTime
from app.domain.silence import Habit, silent_since

READ_NOW = timedelta(minutes=5)  # coverage is said every 30 s; until it is, silence after a start means nothing


class KnownSource(NamedTuple):
    """A source with its configuration (None where only a producer named it), its state (None while none was said) and its coverage."""

    id: str
    source: Source | None
    status: SourceStatus | None
    covered_until: datetime | None
    open_gaps: int


class Silence(NamedTuple):
    """Since when a source counts as silent, and when its last post was seen."""

    since: datetime
    last_post_at: datetime


async def known(session: AsyncSession, source_id: str | None = None) -> list[KnownSource]:
    """Return every source that is configured or was heard of, retired ones included, by id; or `source_id` alone."""
    configured = await session.execute(select(Source).where(_is(Source.id, source_id)))
    said = await session.execute(select(SourceStatus).where(_is(SourceStatus.source, source_id)))
    until = await session.execute(
        select(CoverageInterval.source, func.max(CoverageInterval.end, type_=UtcDateTime()))
        .where(_is(CoverageInterval.source, source_id))
        .group_by(CoverageInterval.source)
    )
    gaps_of = await session.execute(
        select(GapRow.source, func.count())
        .where(GapRow.filled.is_(False), GapRow.source.is_not(None), _is(GapRow.source, source_id))
        .group_by(GapRow.source)
    )
    source_by, status_by = {row.id: row for row in configured.scalars()}, {row.source: row for row in said.scalars()}
    until_by, gaps_by = dict(until.all()), dict(gaps_of.all())
    return [
        KnownSource(name, source_by.get(name), status_by.get(name), until_by.get(name), gaps_by.get(name, 0))
        for name in sorted(source_by.keys() | status_by.keys())
    ]


async def live(session: AsyncSession) -> list[tuple[SourceStatus, Source]]:
    """Return the configured sources that are being read now, with what the producers last said of each."""
    query = select(SourceStatus, Source).join(Source, Source.id == SourceStatus.source)
    query = query.where(Source.retired_at.is_(None), SourceStatus.state == "live")
    return [(status, source) for status, source in await session.execute(query)]


async def silent(session: AsyncSession, now: datetime) -> dict[str, Silence]:
    """Return the live sources that are silent, by id. What counts is the time in which each was read without a break, up to now."""
    query = select(CoverageInterval.source, func.max(CoverageInterval.start, type_=UtcDateTime()))
    query = query.where(CoverageInterval.end >= now - READ_NOW).group_by(CoverageInterval.source)
    read_since = dict((await session.execute(query)).all())
    found: dict[str, Silence] = {}
    for status, source in await live(session):
        begun = read_since.get(status.source)
        if begun is None or status.last_post_at is None:
            continue
        habit = Habit(
            max(begun, status.last_post_at),
            status.usual_gap_s,
            status.posts,
            source_of(source).options.get("quiet_after_h"),
        )
        since = silent_since(habit, status.state, now)
        if since is not None:
            found[status.source] = Silence(since, status.last_post_at)
    return found


async def gaps(
    session: AsyncSession, *, limit: int, source: str | None = None, since: datetime | None = None
) -> list[GapRow]:
    """Return the last `limit` gaps, newest first; those of all sources too where `source` is given."""
    query = select(GapRow).order_by(GapRow.start.desc(), GapRow.id).limit(limit)
    if source is not None:
        query = query.where((GapRow.source == source) | (GapRow.source.is_(None)))
    if since is not None:
        query = query.where(GapRow.end >= since)
    return list((await session.execute(query)).scalars())


async def coverage(session: AsyncSession, source: str, since: datetime) -> list[CoverageInterval]:
    """Return the intervals in which `source` was read that end at or after `since`, oldest first."""
    query = select(CoverageInterval).where(CoverageInterval.source == source, CoverageInterval.end >= since)
    return list((await session.execute(query.order_by(CoverageInterval.start))).scalars())


def _is(column: InstrumentedAttribute[Any], value: str | None) -> ColumnElement[bool]:
    return true() if value is None else column == value
