"""Destinations: what is configured, how each fares, the message that stands for an incident, and secrets in rotation."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Destination, DestinationState, LiveMessage, Source, SourceStatus
from app.db.session import WriteSession


class KnownDestination(NamedTuple):
    """A destination with what the sender last wrote of it, None before its first alert."""

    destination: Destination
    state: DestinationState | None


async def known(session: AsyncSession) -> list[KnownDestination]:
    """Return every destination that is configured, retired ones included, by name."""
    query = (
        select(Destination, DestinationState)
        .outerjoin(DestinationState, DestinationState.destination == Destination.name)
        .order_by(Destination.name)
    )
    return [KnownDestination(*row) for row in await session.execute(query)]


async def get(session: AsyncSession, name: str) -> KnownDestination | None:
    return next((one for one in await known(session) if one.destination.name == name), None)


async def active_names(session: AsyncSession) -> list[str]:
    """Return the names of the destinations that alerts go to."""
    query = select(Destination.name).where(Destination.retired_at.is_(None)).order_by(Destination.name)
    return list((await session.execute(query)).scalars())


async def states(session: AsyncSession) -> dict[str, DestinationState]:
    rows = await session.execute(select(DestinationState))
    return {row.destination: row for row in rows.scalars()}


async def state_of(session: AsyncSession, name: str) -> DestinationState:
    """Return what the sender knows of a destination; a blank one where it was never tried."""
    held = await session.get(DestinationState, name)
    return held or DestinationState(destination=name, failures=0, refusals=0, detail="")


def cannot_be_used(state: DestinationState) -> bool:
    """Say whether it lacks something of ours (a secret, a variable; `detail` says what), so that nothing was even tried."""
    return bool(state.detail) and state.disabled_at is None and state.failing_since is None


async def put_state(writing: WriteSession, state: DestinationState) -> None:
    """Write what the sender knows of a destination."""
    await writing.session.merge(state)


async def enable(writing: WriteSession, name: str) -> bool:
    """Switch a destination on again and forget its failures; return whether it was off."""
    state = await writing.session.get(DestinationState, name)
    if state is None or state.disabled_at is None:
        return False
    state.disabled_at = state.failing_since = state.paused_until = None
    state.failures = state.refusals = 0
    state.detail = ""
    return True


async def free(writing: WriteSession, before: datetime, now: datetime, *, until: datetime) -> None:
    """Mend what a wrong clock wrote of destinations: a pause beyond `until`, a trouble since before `before` or since after `now`."""
    state = DestinationState
    paused = update(state).where(state.paused_until > until).values(paused_until=until)
    failing = (
        update(state).where(or_(state.failing_since < before, state.failing_since > now)).values(failing_since=now)
    )
    for change in (paused, failing):
        await writing.session.execute(change)


async def rotate_secret(writing: WriteSession, name: str, sealed: str, now: datetime) -> None:
    """Put a sealed secret in force; the one before it signs along until its time is over."""
    destination = await writing.session.get(Destination, name)
    if destination is None:
        return
    destination.old_secret, destination.secret, destination.rotated_at = destination.secret, sealed, now
    destination.version += 1
    destination.change_no = await writing.change_no()


async def live_message(session: AsyncSession, name: str, incident: str) -> LiveMessage | None:
    return await session.get(LiveMessage, (name, incident))


async def put_live_message(writing: WriteSession, live: LiveMessage) -> None:
    await writing.session.merge(live)


async def sources_live(session: AsyncSession) -> tuple[int, int]:
    """Return how many of the configured sources are being read, and how many there are."""
    query = (
        select(func.count().filter(SourceStatus.state == "live"), func.count())
        .select_from(Source)
        .outerjoin(SourceStatus, SourceStatus.source == Source.id)
        .where(Source.retired_at.is_(None))
    )
    live, total = (await session.execute(query)).one()
    return live, total
