"""Posts with their revisions, their tags and the incidents they belong to."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import IncidentPost, Post, Revision, Source
from app.domain.rights import FULL, RightsBook
from app.messages import Post as PostMessage
from app.messages import Tags


class StoredRevision(NamedTuple):
    """A revision that was once in force; `in_force` marks the one that is."""

    revised_at: datetime
    seen_at: datetime
    content_hash: str
    text: str
    tags: Tags | None


class Membership(NamedTuple):
    """An incident that a post belongs to, and as what: report, aftermath, denial ..."""

    incident_id: str
    role: str


class StoredPost(NamedTuple):
    """A post as it is in force, whole. `rights` is its source's policy; "full" where no source is configured."""

    post: Post
    rights: str
    owner: str | None
    grade: str | None
    revisions: list[StoredRevision]
    incidents: list[Membership]


class KeptPost(NamedTuple):
    """When a post was seen, its id, and whose it is: in this order they sort."""

    seen_at: datetime
    id: str
    source: str


async def get(session: AsyncSession, post_id: str) -> StoredPost | None:
    """Return the post whose id, or id as given in its line, is `post_id`; None where there is none."""
    query = select(Post).where(or_(Post.id == post_id, Post.given_id == post_id)).order_by(Post.id != post_id).limit(1)
    post = (await session.execute(query)).scalar_one_or_none()
    if post is None:
        return None
    source = (await session.execute(select(Source).where(Source.id == post.source))).scalar_one_or_none()
    revisions = await session.execute(
        select(Revision.revised_at, Revision.seen_at, Revision.content_hash, Revision.text, Revision.tags)
        .where(Revision.post_id == post.id)
        .order_by(Revision.revised_at, Revision.seen_at)
    )
    incidents = await session.execute(
        select(IncidentPost.incident_id, IncidentPost.role)
        .where(IncidentPost.post_id == post.id)
        .order_by(IncidentPost.incident_id, IncidentPost.ordinal)
    )
    return StoredPost(
        post,
        (await rights_of(session)).of(post.source),
        source.owner if source else None,
        source.grade if source else None,
        [StoredRevision(*row) for row in revisions],
        [Membership(*row) for row in incidents],
    )


async def rights_of(session: AsyncSession) -> RightsBook:
    """Return the rights of all sources that have any but `full`, retired ones included."""
    rows = await session.execute(select(Source.id, Source.rights).where(Source.rights != FULL))
    return RightsBook((source, rights) for source, rights in rows)


async def recent(session: AsyncSession, *, limit: int, since: datetime | None = None) -> list[Post]:
    """Return the last `limit` posts that were seen, oldest first; deleted ones and exercises are left out."""
    query = select(Post).where(Post.deleted_at.is_(None)).order_by(Post.seen_at.desc(), Post.id.desc()).limit(limit)
    if since is not None:
        query = query.where(Post.seen_at >= since)
    rows = list((await session.execute(query)).scalars())
    return [row for row in reversed(rows) if "exercise" not in row.marks]


async def kept(session: AsyncSession, platform: str, since: datetime) -> list[KeptPost]:
    """Return the posts of a platform that were seen since then and whose words are kept, the newest first; exercises are left out."""
    query = select(Post.seen_at, Post.id, Post.source, Post.marks).where(
        Post.platform == platform, Post.deleted_at.is_(None), Post.text != "", Post.seen_at >= since
    )
    rows = await session.execute(query.order_by(Post.seen_at.desc(), Post.id.desc()))
    return [KeptPost(seen_at, post_id, source) for seen_at, post_id, source, marks in rows if "exercise" not in marks]


def as_message(row: Post) -> PostMessage:
    """Return a stored post as it was on the wire; one that was deleted has no words, also where a hold keeps them."""
    return PostMessage(
        id=row.id,
        given_id=row.given_id,
        platform=row.platform,
        author=row.author,
        text="" if row.deleted_at is not None else row.text,
        created_at=row.created_at,
        author_name=row.author_name,
        lang=row.lang,
        url=row.url,
        repost_of=row.repost_of,
        quote_of=row.quote_of,
        reply_to=row.reply_to,
        media=tuple(row.media),
    )
