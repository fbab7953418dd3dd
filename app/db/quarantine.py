"""What could not be a post: listed and counted by reason, kept for a replay after a fix."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Quarantine
from app.errors import Reason


async def newest(session: AsyncSession, *, limit: int, reason: str | None = None) -> list[Quarantine]:
    """Return the last `limit` quarantined items, newest first."""
    query = select(Quarantine).order_by(Quarantine.stored_at.desc(), Quarantine.ingest).limit(limit)
    if reason is not None:
        query = query.where(Quarantine.reason == reason)
    return list((await session.execute(query)).scalars())


async def by_ingest(session: AsyncSession, ingest: str) -> Quarantine | None:
    """Return one quarantined item by its ingest id."""
    return (await session.execute(select(Quarantine).where(Quarantine.ingest == ingest))).scalar_one_or_none()


async def counts(session: AsyncSession) -> Mapping[str, int]:
    """Return how many items stand in quarantine for each reason, those with none included."""
    rows = await session.execute(select(Quarantine.reason, func.count()).group_by(Quarantine.reason))
    found = dict(rows.all())
    return {reason: found.get(reason, 0) for reason in sorted({*Reason, *found})}
