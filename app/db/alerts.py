"""Alerts, read in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import meta
from app.db.models import Alert, Attempt, Delivery
from app.db.outbox import PENDING
from app.db.session import WriteSession
from app.messages import AlertMessage, IncidentView

CHUNK = 500  # alerts that go in one transaction: the writer lock is never held long


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


async def forget_before(writing: WriteSession, moment: datetime, *, limit: int = CHUNK) -> int:
    """Delete the oldest alerts, at most `limit`, with their deliveries, and return how many. Call again until 0.

    It ends before the first one that was stored at `moment` or later, or that still has to leave. What is gone is a whole beginning
    by number, or a cursor could skip over a hole; a cursor that stands within it is expired from then on.
    """
    waits = exists().where(Delivery.alert_id == Alert.id, Delivery.state == PENDING)
    oldest = select(Alert.seq, Alert.id, Alert.stored_at, waits.label("waits")).order_by(Alert.seq).limit(limit)
    rows = (await writing.session.execute(oldest)).all()
    old = list(takewhile(lambda row: row.stored_at < moment and not row.waits, rows))
    if not old:
        return 0
    ids = [row.id for row in old]
    deliveries = select(Delivery.id).where(Delivery.alert_id.in_(ids))
    await writing.session.execute(delete(Attempt).where(Attempt.delivery_id.in_(deliveries)))
    await writing.session.execute(delete(Delivery).where(Delivery.alert_id.in_(ids)))
    await writing.session.execute(delete(Alert).where(Alert.id.in_(ids)))
    await meta.put(writing, "alerts_gone", str(old[-1].seq))
    return len(old)


def _stored(rows: Sequence[tuple[int, AlertMessage, IncidentView, datetime, bool]]) -> list[StoredAlert]:
    return [StoredAlert(*row) for row in rows]
