"""Watches as the API shows them: those in force with who owns each."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Watch


async def in_force(session: AsyncSession) -> list[Watch]:
    """Return the rows of the watches in force, by name."""
    query = select(Watch).where(Watch.retired_at.is_(None)).order_by(Watch.name)
    return list((await session.execute(query)).scalars())


async def get(session: AsyncSession, name: str) -> Watch | None:
    """Return the row of a watch in force."""
    query = select(Watch).where(Watch.name == name, Watch.retired_at.is_(None))
    return (await session.execute(query)).scalar_one_or_none()
