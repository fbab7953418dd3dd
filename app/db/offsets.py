"""Where the desk stands in a partition: moved by compare-and-set under the mark of the desk that holds it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Offset


class LostHold(Exception):  # noqa: N818 - an instruction: let go until assigned again
    """Another desk holds the partition, or the offset is not where this desk left it."""


class OffsetRow(NamedTuple):
    """The offset row as this desk knows it. `last_mark` tells which record stands at `next - 1`, None where that is not known."""

    topic: str
    partition: int
    next: int
    owner: str
    last_mark: str | None
    moved_at: datetime

    def moved_to(self, offset: int, last_mark: str | None, now: datetime) -> OffsetRow:
        return self._replace(next=offset, last_mark=last_mark, moved_at=now)


async def hold(session: AsyncSession, topic: str, partition: int, owner: str, now: datetime) -> OffsetRow:
    """Put the owner's mark into the row (made at offset 0 where there is none) and return it. Every other desk has lost its hold."""
    where = (Offset.topic == topic, Offset.partition == partition)
    row = (await session.execute(select(Offset.next, Offset.last_ingest, Offset.moved_at).where(*where))).one_or_none()
    if row is None:
        values = {"topic": topic, "partition": partition, "next": 0, "owner": owner, "moved_at": now}
        await session.execute(insert(Offset).values(**values))
        return OffsetRow(topic, partition, 0, owner, None, now)
    await session.execute(update(Offset).where(*where).values(owner=owner))
    return OffsetRow(topic, partition, row.next, owner, row.last_ingest, row.moved_at)


async def move(session: AsyncSession, held: OffsetRow, moved: OffsetRow) -> None:
    """Move the row from `held` to `moved`; raise LostHold where it is not as this desk left it."""
    where = (
        Offset.topic == held.topic,
        Offset.partition == held.partition,
        Offset.next == held.next,
        Offset.owner == held.owner,
    )
    values = {"next": moved.next, "last_ingest": moved.last_mark, "moved_at": moved.moved_at}
    done = await session.execute(update(Offset).where(*where).values(**values).returning(Offset.next))
    if done.one_or_none() is None:
        raise LostHold(f"{held.topic}/{held.partition} is not at {held.next} under our mark")
