"""The posts that an alert shows: the incident's first and the one that caused it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import IncidentPost, Post
from app.db.posts import rights_of


async def of_incident(session: AsyncSession, incident: str, given_ids: Collection[str]) -> dict[str, tuple[Post, str]]:
    """Return those posts of an incident whose id, as given, is wanted, each with its source's rights."""
    query = (
        select(Post)
        .join(IncidentPost, IncidentPost.post_id == Post.id)
        .where(IncidentPost.incident_id == incident, Post.given_id.in_(given_ids))
    )
    rights = await rights_of(session)
    return {post.given_id: (post, rights.of(post.source)) for post in (await session.execute(query)).scalars()}
