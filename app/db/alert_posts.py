"""The posts that an alert shows: the incident's first and the one that caused it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import IncidentPost, Post, Source


async def of_incident(session: AsyncSession, incident: str, given_ids: Collection[str]) -> dict[str, tuple[Post, str]]:
    """Return those posts of an incident whose id, as given, is wanted, each with its source's rights."""
    query = (
        select(Post, Source.rights)
        .join(IncidentPost, IncidentPost.post_id == Post.id)
        .outerjoin(Source, Source.id == Post.source)
        .where(IncidentPost.incident_id == incident, Post.given_id.in_(given_ids))
    )
    return {post.given_id: (post, rights or "full") for post, rights in await session.execute(query)}
