"""Open incidents whose posts were matched by other watches than those in force -> matched again, so that their next post tells what has changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Post
from app.domain.desk_state import DeskState
from app.domain.incidents import TOLD_BY, Incident, Member
from app.messages import Ingest, Item
from app.messages import Post as PostMessage

CHUNK = 500  # ids in one IN list


@dataclass(frozen=True)
class InForce:
    """The watches in force: their version, their names, and what they say of an item."""

    version: str
    names: Collection[str]
    hits: Callable[[Item], Mapping[str, tuple[str, ...]]]


async def judge_again(session: AsyncSession, state: DeskState, watches: InForce) -> None:
    """Match the posts of the incidents in memory again where other watches judged them. Tells nobody.

    What a deleted watch once hit stays: it still corrects and withdraws.
    """
    version = watches.version
    stale = {
        incident.id: incident
        for incident in state.incidents.values()
        if not incident.exercise and any(_stale(member, version) for member in incident.members)
    }
    wanted = sorted({one.post for incident in stale.values() for one in incident.members if _stale(one, version)})
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for at in range(0, len(wanted), CHUNK):
        rows = await session.execute(select(Post).where(Post.id.in_(wanted[at : at + CHUNK])))
        found.update({row.id: dict(watches.hits(_item(row))) for row in rows.scalars()})
    for incident in stale.values():
        state.incidents[incident.id] = _judged(incident, watches, found)


def _stale(member: Member, version: str) -> bool:
    return member.role in TOLD_BY and member.judged != version


def _judged(incident: Incident, watches: InForce, found: Mapping[str, dict[str, tuple[str, ...]]]) -> Incident:
    members = (_member(one, watches, found) if _stale(one, watches.version) else one for one in incident.members)
    return msgspec.structs.replace(incident, members=tuple(members))


def _member(member: Member, watches: InForce, found: Mapping[str, dict[str, tuple[str, ...]]]) -> Member:
    deleted = {name: why for name, why in member.watches.items() if name not in watches.names}
    hit = found.get(member.post, member.watches)
    return msgspec.structs.replace(member, judged=watches.version, watches={**deleted, **hit})


def _item(row: Post) -> Item:
    """Return the post in force as the matcher takes it; it was never in a record, so it carries no hits."""
    post = PostMessage(
        id=row.id,
        given_id=row.given_id,
        platform=row.platform,
        author=row.author,
        author_name=row.author_name,
        text=row.text,
        created_at=row.created_at,
        lang=row.lang,
        url=row.url,
        repost_of=row.repost_of,
        quote_of=row.quote_of,
        reply_to=row.reply_to,
        media=tuple(row.media),
    )
    return Item(ingest=Ingest("", 0), source=row.source, seen_at=row.seen_at, post=post, tags=row.tags)
