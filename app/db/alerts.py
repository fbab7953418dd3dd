"""Alerts, read in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import meta
from app.db.models import Alert
from app.db.session import WriteSession
from app.messages import AlertMessage, IncidentView


class StoredAlert(NamedTuple):
    """An alert with its number and the incident as it stood when it was raised. An exercise is shown to nobody who did not ask for it."""

    seq: int
    message: AlertMessage
    incident: IncidentView
    stored_at: datetime
    exercise: bool


class AlertFilter(NamedTuple):
    """Which alerts are wanted; None wants all."""

    watch: str | None = None
    level: str | None = None
    incident: str | None = None
    exercise: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted: list[ColumnElement[bool]] = [] if self.exercise else [Alert.exercise == false()]
        for column, one in ((Alert.watch, self.watch), (Alert.level, self.level), (Alert.incident_id, self.incident)):
            if one is not None:
                wanted.append(column == one)
        return wanted


ALL = AlertFilter()
COLUMNS = (Alert.seq, Alert.body, Alert.incident_view, Alert.stored_at, Alert.exercise)


async def after(session: AsyncSession, seq: int, *, limit: int, wanted: AlertFilter = ALL) -> list[StoredAlert]:
    """Return the first `limit` alerts with a number above `seq`, oldest first."""
    query = select(*COLUMNS).where(Alert.seq > seq, *wanted.conditions()).order_by(Alert.seq).limit(limit)
    return _stored((await session.execute(query)).all())


async def newest(session: AsyncSession, *, limit: int, wanted: AlertFilter = ALL) -> list[StoredAlert]:
    """Return the last `limit` alerts, oldest first."""
    query = select(*COLUMNS).where(*wanted.conditions()).order_by(Alert.seq.desc()).limit(limit)
    return _stored((await session.execute(query)).all())[::-1]


async def by_id(session: AsyncSession, alert_id: str) -> StoredAlert | None:
    """Return one alert, exercises included."""
    return next(iter(_stored((await session.execute(select(*COLUMNS).where(Alert.id == alert_id))).all())), None)


async def forget_before(writing: WriteSession, moment: datetime) -> int:
    """Delete alerts stored before `moment` and return how many. A cursor that stands before them is expired from then on."""
    old = Alert.stored_at < moment
    last = await writing.session.scalar(select(func.max(Alert.seq)).where(old))
    if last is None:
        return 0
    # By number, not by time: what is gone must be a whole beginning, or a cursor could skip over a hole.
    gone = await writing.session.execute(delete(Alert).where(Alert.seq <= last).returning(Alert.seq))
    await meta.put(writing, "alerts_gone", str(last))
    return len(gone.all())


def _stored(rows: Sequence[tuple[int, AlertMessage, IncidentView, datetime, bool]]) -> list[StoredAlert]:
    return [StoredAlert(*row) for row in rows]
