"""The database -> the memory of the desk: all of it on assignment, then only what others changed and what a batch needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import (
    CoverageInterval,
    GapRow,
    Incident,
    IncidentPost,
    LedgerRange,
    Post,
    Revision,
    Run,
    SourceCountry,
    SourceStatus,
    WaitingPost,
    WatchIncident,
)
from app.db.types import UtcDateTime
from app.domain.alerts import Told
from app.domain.config import DeskOptions
from app.domain.desk_state import DeskState, KnownPost, Waiting
from app.domain.grades import SourceBook, source_key
from app.domain.incidents import Incident as DomainIncident
from app.domain.incidents import summarise
from app.domain.ledger import Ranges
from app.domain.lulls import Happening, ReplayRun
from app.messages import IncidentView, Item, Record

KEEP = timedelta(hours=48)  # what the desk holds in memory behind the newest report
CHUNK = 500  # ids in one IN list

_incident = msgspec.json.Decoder(DomainIncident)
_told = msgspec.json.Decoder(Told)
_waiting = msgspec.json.Decoder(Waiting)


class Loader:
    """Reads incidents with the desk's rules at hand, for facts are computed, not stored."""

    def __init__(self, book: SourceBook, options: DeskOptions) -> None:
        self._book = book
        self._options = options

    async def everything(self, session: AsyncSession) -> tuple[DeskState, int]:
        """Return the state as of now and the highest `change_no` in it."""
        state = DeskState()
        newest = await session.scalar(select(func.max(Incident.last_at, type_=UtcDateTime())))
        state.loaded_from = (newest or datetime.min.replace(tzinfo=UTC)) - (KEEP if newest else timedelta(0))
        await self._load_incidents(session, state, Incident.last_at >= state.loaded_from)
        await _load_history(session, state)
        await _load_coverage(session, state)
        await _load_source_states(session, state)
        for row in (await session.execute(select(LedgerRange))).scalars():
            state.ledger[row.spool] = _with(state.ledger[row.spool], row.first, row.last)
        for waiting in (await session.execute(select(WaitingPost))).scalars():
            state.waiting[waiting.post_id] = _waiting.decode(waiting.body)
        return state, int(await session.scalar(select(func.max(Incident.change_no))) or 0)

    async def changed(self, session: AsyncSession, state: DeskState, since: int) -> int:
        """Read again the incidents that an editor changed since; return the highest `change_no` now."""
        newest = int(await session.scalar(select(func.max(Incident.change_no))) or 0)
        if newest > since:
            await self._load_incidents(session, state, Incident.change_no > since)
        return newest

    async def one(self, session: AsyncSession, state: DeskState, incident_id: str) -> None:
        """Put one incident into the state, with what its watches were told and how the sources are."""
        await _load_source_states(session, state)
        await self._load_incidents(session, state, Incident.id == incident_id)

    async def needed(self, session: AsyncSession, state: DeskState, records: Sequence[Record]) -> None:
        """Make the state complete for these records: the posts they name, and every incident that they may touch."""
        items = [record for record in records if isinstance(record, Item) and record.post is not None]
        ids = {reference for item in items for reference in _references(item)}
        await _load_known(session, state, ids - state.known.keys())
        oldest = min((_oldest(item, state) for item in items), default=None)
        if oldest is not None and state.loaded_from is not None and oldest - KEEP < state.loaded_from:
            start = oldest - KEEP
            await self._load_incidents(
                session, state, (Incident.last_at >= start) & (Incident.last_at < state.loaded_from)
            )
            state.loaded_from = start
        for chunk in _chunks(sorted(ids)):
            found = await session.execute(select(IncidentPost.incident_id).where(IncidentPost.post_id.in_(chunk)))
            missing = {incident for (incident,) in found if incident not in state.incidents}
            if missing:
                await self._load_incidents(session, state, Incident.id.in_(missing))

    async def _load_incidents(self, session: AsyncSession, state: DeskState, which: object) -> None:
        rows = (await session.execute(select(Incident.id, Incident.body).where(which))).all()  # type: ignore[arg-type]
        state.loads += bool(rows)
        for incident_id, body in rows:
            incident = _incident.decode(body)
            facts = summarise(incident, any_configured=self._book.configured, options=self._options)
            state.put(incident, facts)
            state.told.pop(incident_id, None)
        for chunk in _chunks([incident_id for incident_id, _ in rows]):
            told = await session.execute(select(WatchIncident).where(WatchIncident.incident_id.in_(chunk)))
            for row in told.scalars():
                state.told[row.incident_id][row.watch] = _told.decode(row.body)
        await _note_history(session, state, [incident_id for incident_id, _ in rows])


def _with(ranges: Ranges, first: int, last: int) -> Ranges:
    return Ranges([*ranges.ranges(), (first, last)])


def _references(item: Item) -> Iterable[str]:
    post = item.post
    if post is not None:
        yield from filter(None, (post.id, post.repost_of, post.quote_of, post.reply_to))


def _oldest(item: Item, state: DeskState) -> datetime:
    """Return the earliest time that the item may speak of: an edit speaks from when its post was first written."""
    known = state.known.get(item.post.id) if item.post else None
    times = (item.seen_at, item.post.created_at if item.post else None, known.created_at if known else None)
    return min(time for time in times if time is not None)


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))


async def _load_known(session: AsyncSession, state: DeskState, ids: Collection[str]) -> None:
    for chunk in _chunks(sorted(ids)):
        revisions: dict[str, set[tuple[datetime, str]]] = defaultdict(set)
        found = await session.execute(
            select(Revision.post_id, Revision.revised_at, Revision.content_hash).where(Revision.post_id.in_(chunk))
        )
        for post_id, revised_at, content_hash in found:
            revisions[post_id].add((revised_at, content_hash))
        posts = await session.execute(
            select(
                Post.id,
                Post.given_id,
                Post.source,
                Post.content_hash,
                Post.revised_at,
                Post.deleted_at,
                Post.created_at,
            ).where(Post.id.in_(chunk))
        )
        for row in posts:
            state.known[row.id] = KnownPost(
                id=row.id,
                given_id=row.given_id,
                source=row.source,
                content_hash=row.content_hash,
                revised_at=row.revised_at,
                deleted=row.deleted_at is not None,
                revisions=frozenset(revisions[row.id]),
                created_at=row.created_at,
            )


async def _load_history(session: AsyncSession, state: DeskState) -> None:
    rows = select(Incident.view).where(Incident.exercise.is_(False), Incident.state == "open")
    async for partition in (await session.stream(rows)).scalars().partitions(1000):
        for view in partition:
            state.history.note(_happening(view))


async def _note_history(session: AsyncSession, state: DeskState, ids: Sequence[str]) -> None:
    for chunk in _chunks(ids):
        rows = await session.execute(
            select(Incident.view, Incident.exercise, Incident.state).where(Incident.id.in_(chunk))
        )
        for view, exercise, standing in rows:
            if exercise or standing != "open":
                state.history.forget(view.id)
            else:
                state.history.note(_happening(view))


def _happening(view: IncidentView) -> Happening:
    place = view.place
    return Happening(view.id, view.kind, view.actors, place.country, place.lat, place.lon, view.first_at, view.last_at)


async def _load_source_states(session: AsyncSession, state: DeskState) -> None:
    said = select(SourceStatus.source, SourceStatus.state).where(
        SourceStatus.state != "unknown"
    )  # a post alone says nothing
    state.source_states = {
        source_key(source): last for source, last in await session.execute(said.order_by(SourceStatus.said_at))
    }


async def _load_coverage(session: AsyncSession, state: DeskState) -> None:
    book = state.coverage
    rows = await session.execute(select(CoverageInterval).order_by(CoverageInterval.source, CoverageInterval.start))
    for row in rows.scalars():
        book.intervals[row.source].append((row.start, row.end))
    for run in (await session.execute(select(Run))).scalars():
        book.runs[run.id] = ReplayRun(frozenset(run.sources), run.start, run.end)
    for gap in (await session.execute(select(GapRow).where(GapRow.run.is_not(None), ~GapRow.filled))).scalars():
        replay = book.runs.get(gap.run or "")
        if replay is not None and gap.source is None:
            replay.gaps.append((gap.start, gap.end))
        elif replay is not None and gap.source is not None:
            replay.source_gaps.setdefault(gap.source, []).append((gap.start, gap.end))
    for placed in (await session.execute(select(SourceCountry))).scalars():
        book.countries[placed.source][placed.country] = placed.last_at
