"""What is known of our clock: the database's own beside it, where that has one, and what receivers said to each machine that sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock
from app.db import meta
from app.db.session import WriteSession
from app.domain.clocks import offset_of

SEEN = "clock_seen"
FORGOTTEN = timedelta(days=1)  # a machine that has not sent for so long


class SeenOf(msgspec.Struct, frozen=True):
    """By how many seconds a machine's clock was ahead of those of so many receivers (below zero: behind), at a time by that clock."""

    offset_s: float
    hosts: int
    at: datetime


async def database_offset(session: AsyncSession, clock: Clock) -> float | None:
    """Return by how many seconds our clock is ahead of the database's (below zero: behind); None where that has none of its own."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    asked = clock.now()
    theirs = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return offset_of(theirs.astimezone(UTC), asked, clock.now())


async def seen_by_receivers(session: AsyncSession) -> dict[str, SeenOf]:
    """Return what receivers said last, by machine."""
    kept = await meta.value(session, SEEN)
    return msgspec.json.decode(kept, type=dict[str, SeenOf]) if kept else {}


async def put_seen(writing: WriteSession, machine: str, seen: SeenOf) -> None:
    """Write down what receivers said to a machine."""
    others = {
        name: one
        for name, one in (await seen_by_receivers(writing.session)).items()
        if name != machine and abs(seen.at - one.at) < FORGOTTEN
    }
    await meta.put(writing, SEEN, msgspec.json.encode({**others, machine: seen}).decode())
