"""Sources: what is configured, what the producers last said of each, and when each was truly read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db.config import source_of
from app.db.models import CoverageInterval, GapRow, Source, SourceStatus
from app.db.types import UtcDateTime
from app.domain.lulls import Interval
from app.domain.silence import Habit, silent_since

_LIVE = (Source.retired_at.is_(None), SourceStatus.state == "live")


class KnownSource(NamedTuple):
    """A source with its configuration (None where only a producer named it), its state (None while none was said) and its coverage.

    `read_since_post`: when it was truly read since its last post; kept for sources that are configured and live.
    """

    id: str
    source: Source | None
    status: SourceStatus | None
    covered_until: datetime | None
    open_gaps: int
    read_since_post: tuple[Interval, ...] = ()

    def silent_since(self, now: datetime) -> datetime | None:
        """Return since when it counts as silent, None while it does not. A source that nobody configured never does."""
        return _silent_since(self.source, self.status, self.read_since_post, now)


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
    read_by = await _read_since_post(session, source_id)
    return [
        KnownSource(
            name,
            source_by.get(name),
            status_by.get(name),
            until_by.get(name),
            gaps_by.get(name, 0),
            tuple(read_by.get(name, ())),
        )
        for name in sorted(source_by.keys() | status_by.keys())
    ]


async def silent(session: AsyncSession, now: datetime) -> dict[str, Silence]:
    """Return the configured sources that are silent, by id."""
    read = await _read_since_post(session)
    query = select(SourceStatus, Source).join(Source, Source.id == SourceStatus.source).where(*_LIVE)
    found: dict[str, Silence] = {}
    for status, source in await session.execute(query):
        since = _silent_since(source, status, read.get(status.source, ()), now)
        if since is not None and status.last_post_at is not None:
            found[status.source] = Silence(since, status.last_post_at)
    return found


async def _read_since_post(session: AsyncSession, source_id: str | None = None) -> dict[str, list[Interval]]:
    """Return when each live, configured source was read since its last post."""
    query = (
        select(CoverageInterval.source, CoverageInterval.start, CoverageInterval.end)
        .join(SourceStatus, SourceStatus.source == CoverageInterval.source)
        .join(Source, Source.id == CoverageInterval.source)
        .where(*_LIVE, CoverageInterval.end > SourceStatus.last_post_at, _is(CoverageInterval.source, source_id))
    )
    read: defaultdict[str, list[Interval]] = defaultdict(list)
    for source, start, end in await session.execute(query):
        read[source].append((start, end))
    return read


def _silent_since(
    source: Source | None, status: SourceStatus | None, read: Iterable[Interval], now: datetime
) -> datetime | None:
    if source is None or source.retired_at is not None or status is None:
        return None
    quiet_after_h = source_of(source).options.get("quiet_after_h")
    return silent_since(
        Habit(status.last_post_at, status.usual_gap_s, status.posts, quiet_after_h), status.state, read, now
    )


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
