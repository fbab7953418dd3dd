"""Holds: a post, or all posts of a source, whose words stay in the database though they were deleted or are past their time.

A hold shows nothing to anybody. When it ends, by its date or by hand, the words of deleted posts go as they would have gone without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import audit
from app.db.audit import Deed
from app.db.models import Hold, Post, Revision, Source
from app.db.session import WriteSession
from app.db.upsert import upsert

CHUNK = 500  # posts a transaction, as in retention


class NewHold(NamedTuple):
    """A hold to be: `subject` is the id of a post or of a source."""

    subject: str
    who: str
    why: str
    until: datetime


async def subject_of(session: AsyncSession, name: str) -> str | None:
    """Return the id that a hold on `name` goes by: a post's (also by the id of its line), or a source's; None where there is neither."""
    query = select(Post.id).where(or_(Post.id == name, Post.given_id == name)).order_by(Post.id != name).limit(1)
    post = await session.scalar(query)
    if post is not None:
        return post
    known = select(exists().where(_same(Source.id, name))), select(exists().where(_same(Post.source, name)))
    return name if any([await session.scalar(one) for one in known]) else None


async def put(writing: WriteSession, new: NewHold, now: datetime) -> None:
    """Hold the subject, or hold it on other terms than before; the audit keeps both."""
    row = {"subject": new.subject, "who": new.who, "why": new.why, "expires_at": new.until, "stored_at": now}
    await upsert(writing.session, Hold, [row], ["subject"])
    body = {"until": new.until.isoformat()}
    await audit.note(writing, Deed(new.who, "hold_placed", new.subject, new.why, body), now)


async def lift(writing: WriteSession, subject: str, deed: Deed, now: datetime) -> bool:
    """End a hold now; False where there is none. What it kept goes with `release`."""
    ended = update(Hold).where(Hold.subject == subject).values(expires_at=now)
    if not (await writing.session.execute(ended.returning(Hold.subject))).first():
        return False
    await audit.note(writing, deed, now)
    return True


async def known(session: AsyncSession) -> list[Hold]:
    """Return all holds, the first to end first."""
    return list((await session.execute(select(Hold).order_by(Hold.expires_at, Hold.subject))).scalars())


def held(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a row of `posts` is under a hold."""
    return exists().where((Hold.subject == Post.id) | _same(Post.source, Hold.subject), Hold.expires_at > now)


async def held_among(session: AsyncSession, sources: Mapping[str, str], now: datetime) -> set[str]:
    """Return which of these posts are under a hold. `sources` gives the source of each post id as its deletion names it; where the post
    is stored, the source under which it is stored counts too, for not every deletion says who the author was.
    """
    rows = await session.execute(select(Hold.subject).where(Hold.expires_at > now))
    subjects = {subject for (subject,) in rows}
    if not subjects:
        return set()
    stored = set((await session.execute(select(Post.id).where(Post.id.in_(list(sources)), held(now)))).scalars())
    folded = {subject.lower() for subject in subjects}
    return stored | {post for post, source in sources.items() if post in subjects or source.lower() in folded}


async def release(session: AsyncSession, now: datetime) -> int:
    """Empty one chunk of deleted posts whose hold has ended, and drop the hold with the last; return the rows. Call again until 0."""
    ended = await session.scalar(select(Hold.subject).where(Hold.expires_at <= now).order_by(Hold.subject).limit(1))
    if ended is None:
        return 0
    kept = (Post.text != "") | exists().where(Revision.post_id == Post.id, Revision.text != "")
    of_hold = (Post.id == ended) | _same(Post.source, ended)
    due = select(Post.id).where(of_hold, Post.deleted_at.is_not(None), kept, ~held(now)).limit(CHUNK)
    posts = list((await session.execute(due)).scalars())
    if not posts:
        await session.execute(delete(Hold).where(Hold.subject == ended))
        return 1
    await session.execute(update(Post).where(Post.id.in_(posts)).values(text="", media=[]))
    await session.execute(update(Revision).where(Revision.post_id.in_(posts)).values(text="", tags=None))
    return len(posts)


def _same(column: object, name: object) -> ColumnElement[bool]:
    # Handles are case-insensitive, and a platform may write one in another case than the desk did.
    return func.lower(column) == func.lower(name)
