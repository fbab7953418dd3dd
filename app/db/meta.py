"""The installation's single values: epoch, numbers, freshness."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ScalarSelect, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Alert, Incident, Meta, Offset
from app.db.session import WriteSession
from app.db.types import UtcDateTime

STALE_AFTER = timedelta(seconds=60)
CATCHING_UP = "catching_up"  # stands after a restore until the desk has read the stream to its end


class Standing(NamedTuple):
    """Where the database stands: its epoch, the last number drawn, the newest alert, the newest change of an incident, when anything
    was last stored, and up to which number alerts were forgotten.
    """

    epoch: str
    number: int
    alert: int
    incident: int
    stored_at: datetime | None
    alerts_gone: int

    def stale_since(self, now: datetime) -> datetime | None:
        """Return since when nothing came in, once that is longer than 60 s; None while it is fresh, or where nothing ever came."""
        if self.stored_at is None or now - self.stored_at <= STALE_AFTER:
            return None
        return self.stored_at


async def standing(session: AsyncSession) -> Standing:
    """Return the standing in one statement: every poll pays for it."""

    def kept(key: str) -> ScalarSelect[str]:
        return select(Meta.value).where(Meta.key == literal(key)).scalar_subquery()

    row = (
        await session.execute(
            select(
                kept("epoch"),
                kept("change_no"),
                select(func.max(Alert.seq)).scalar_subquery(),
                select(func.max(Incident.change_no)).scalar_subquery(),
                select(func.max(Offset.moved_at, type_=UtcDateTime())).scalar_subquery(),
                kept("alerts_gone"),
            )
        )
    ).one()
    gone = int(row[5] or 0)
    # Where all alerts were forgotten, the newest is the last of those: a cursor before it would be expired as it is given out.
    return Standing(row[0] or "", int(row[1] or 0), max(int(row[2] or 0), gone), int(row[3] or 0), row[4], gone)


async def value(session: AsyncSession, key: str) -> str | None:
    """Return one value; None where it was never put."""
    return (await session.execute(select(Meta.value).where(Meta.key == key))).scalar_one_or_none()


async def put(writing: WriteSession, key: str, text: str) -> None:
    """Set one value. `change_no` is not for putting: it is drawn."""
    changed = await writing.session.execute(update(Meta).where(Meta.key == key).values(value=text).returning(Meta.key))
    if changed.first() is None:
        writing.session.add(Meta(key=key, value=text))
        await writing.session.flush()


async def new_epoch(writing: WriteSession) -> str:
    """Make every cursor given out so far foreign: the database was restored, and numbers may be drawn a second time."""
    epoch = secrets.token_hex(6)
    await put(writing, "epoch", epoch)
    return epoch


async def drop(writing: WriteSession, key: str) -> None:
    """Remove a value."""
    await writing.session.execute(delete(Meta).where(Meta.key == key))
