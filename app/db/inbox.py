"""The inbox: posts that a person or a drill handed in, on their way to the inbox producer's spool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Inbox


async def hand_in(session: AsyncSession, line: str, now: datetime, *, exercise: bool = False) -> None:
    """Put a post line into the inbox. `exercise` is a mark that no outside input can set: the caller knows who asks."""
    await session.execute(insert(Inbox).values(line=line, exercise=exercise, stored_at=now))


async def waiting(session: AsyncSession, *, limit: int) -> list[Inbox]:
    """Return the oldest `limit` posts that no producer has taken yet."""
    return list((await session.execute(select(Inbox).order_by(Inbox.id).limit(limit))).scalars())


async def remove(session: AsyncSession, ids: Sequence[int]) -> None:
    """Take the posts of these rows out: they are durable in the spool."""
    await session.execute(delete(Inbox).where(Inbox.id.in_(ids)))


async def take_back(session: AsyncSession, line: str) -> bool:
    """Take out a post that no producer has taken yet; return whether it was still there."""
    gone = await session.execute(delete(Inbox).where(Inbox.line == line).returning(Inbox.id))
    return gone.first() is not None
