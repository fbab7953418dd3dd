"""What was seen, in the order in which it was seen: every revision that was ever in force, and every deletion."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Post, Revision
from app.messages import Tags


class Sight(NamedTuple):
    """One thing seen: a revision with what was read in it, or a deletion (`deleted`, then without text and tags)."""

    seen_at: datetime
    post_id: str
    given_id: str
    source: str
    author: str
    author_name: str | None
    revised_at: datetime
    text: str
    tags: Tags | None
    repost: bool
    deleted: bool


async def seen_after(session: AsyncSession, seen_at: datetime, *, limit: int) -> list[Sight]:
    """Return the first `limit` things seen later than `seen_at`, in that order."""
    who = (Post.given_id, Post.source, Post.author, Post.author_name)
    words = case((Post.deleted_at.is_(None), Revision.text), else_="").label(
        "text"
    )  # a hold keeps it, but not to be shown
    revisions = (
        select(
            Revision.seen_at, Revision.post_id, *who, Revision.revised_at, words, Revision.tags,
            Post.repost_of.is_not(None).label("repost"), literal(False).label("deleted"),
        )
        .join(Post, Post.id == Revision.post_id)
        .where(Revision.seen_at > seen_at)
    )  # fmt: skip
    deletions = select(
        Post.deleted_at, Post.id, *who, Post.revised_at, literal(""), null(), literal(False), literal(True)
    ).where(Post.deleted_at > seen_at)
    both = union_all(revisions, deletions).subquery()
    query = select(both).order_by(both.c.seen_at, both.c.post_id, both.c.deleted).limit(limit)
    return [Sight(*row) for row in await session.execute(query)]
