"""The outbox: what has to leave, for which destination, from when. Claimed by a lease; there is no state "sending".

A row ends delivered, digested (in another message), cancelled (why) or expired. Times are the wall time of whoever writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.db.models import Alert, Attempt, Delivery
from app.db.session import WriteSession
from app.db.upsert import insert_new
from app.domain.deliveries import NOTICE, delivery_id, severity_of
from app.domain.incidents import digest
from app.messages import AlertMessage, IncidentView

PENDING, DELIVERED, DIGESTED, CANCELLED, EXPIRED = "pending", "delivered", "digested", "cancelled", "expired"
DETAIL = 500  # characters of a reason that are kept
LEASE_ENDS = timedelta(seconds=60)  # no sender leases for longer


class DueRow(NamedTuple):
    """A delivery that is due; `order` is its alert's number, 0 for a notice."""

    id: str
    incident: str
    severity: int
    created_at: datetime
    order: int
    attempts: int


class Loaded(NamedTuple):
    """A delivery with what it carries: an alert with its number, or the text of a notice."""

    id: str
    seq: int
    attempts: int
    created_at: datetime
    alert: AlertMessage | None
    incident: IncidentView | None
    exercise: bool
    notice: str | None


class AttemptMade(NamedTuple):
    """What came of one attempt: `outcome` is "delivered", "failed" or "refused"; `seconds` it took."""

    at: datetime
    outcome: str
    detail: str
    seconds: float


class Backlog(NamedTuple):
    """What waits for a destination: how many are due now, how many at all, since when the oldest."""

    due: int
    pending: int
    oldest: datetime


def outbox_rows(alert: AlertMessage, destinations: Iterable[str], now: datetime) -> list[dict[str, Any]]:
    """Return the rows that put an alert in the outbox for each destination; one that stands there already must be left as it is."""
    return [
        {
            "id": delivery_id(destination, alert.id),
            "destination": destination,
            "alert_id": alert.id,
            "incident_id": alert.incident,
            "severity": severity_of(alert),
            **_fresh(now),
        }
        for destination in destinations
    ]


async def enqueue_notice(session: AsyncSession, text: str, destinations: Iterable[str], now: datetime) -> list[str]:
    """Put a line of the system about itself in the outbox for each destination and return the deliveries' ids."""
    rows = [
        {
            "id": digest("notice", destination, text, now.isoformat()),
            "destination": destination,
            "alert_id": "",
            "incident_id": "",
            "severity": NOTICE,
            "notice": text,
            **_fresh(now),
        }
        for destination in destinations
    ]
    await insert_new(session, Delivery, rows, ["id"])
    return [str(row["id"]) for row in rows]


async def backlog(session: AsyncSession, now: datetime) -> dict[str, Backlog]:
    """Return what waits, by destination."""
    query = (
        select(
            Delivery.destination,
            func.count().filter(Delivery.next_at <= now),
            func.count(),
            func.min(Delivery.created_at, type_=Delivery.created_at.type),
        )
        .where(Delivery.state == PENDING)
        .group_by(Delivery.destination)
    )
    return {name: Backlog(due, pending, oldest) for name, due, pending, oldest in await session.execute(query)}


async def due(session: AsyncSession, destination: str, now: datetime, *, limit: int) -> list[DueRow]:
    """Return what is due for a destination, the most severe and freshest `limit` of it."""
    query = _due_rows(destination).where(Delivery.next_at <= now)
    query = query.order_by(Delivery.severity.desc(), Delivery.created_at.desc()).limit(limit)
    return [DueRow(*row) for row in await session.execute(query)]


async def next_waiting(session: AsyncSession, destination: str) -> list[DueRow]:
    """Return the one delivery that is due next, before its time: a probe for a destination that is down."""
    query = _due_rows(destination).where(Delivery.lease_owner.is_(None)).order_by(Delivery.next_at).limit(1)
    return [DueRow(*row) for row in await session.execute(query)]


def _due_rows(destination: str) -> Any:
    columns = (Delivery.id, Delivery.incident_id, Delivery.severity, Delivery.created_at)
    return (
        select(*columns, func.coalesce(Alert.seq, 0), Delivery.attempts)
        .outerjoin(Alert, Alert.id == Delivery.alert_id)
        .where(Delivery.destination == destination, Delivery.state == PENDING)
    )


async def claim(writing: WriteSession, ids: Sequence[str], *, owner: str, until: datetime) -> None:
    """Lease deliveries that were found waiting in this same transaction: nobody else takes them before `until`."""
    for part in _parts(ids):
        await writing.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(part), Delivery.state == PENDING)
            .values(next_at=until, lease_owner=owner)
        )


async def load(session: AsyncSession, ids: Sequence[str]) -> dict[str, Loaded]:
    """Return the deliveries with what they carry."""
    loaded: dict[str, Loaded] = {}
    for part in _parts(ids):
        rows = await session.execute(
            select(
                Delivery.id,
                func.coalesce(Alert.seq, 0),
                Delivery.attempts,
                Delivery.created_at,
                Alert.body,
                Alert.incident_view,
                func.coalesce(Alert.exercise, False),
                Delivery.notice,
            )
            .outerjoin(Alert, Alert.id == Delivery.alert_id)
            .where(Delivery.id.in_(part))
        )
        loaded.update({row[0]: Loaded(*row) for row in rows})
    return loaded


async def settle(writing: WriteSession, ids: Sequence[str], state: str, detail: str, now: datetime) -> None:
    """End deliveries that are still pending."""
    for part in _parts(ids):
        await writing.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(part), Delivery.state == PENDING)
            .values(state=state, detail=detail[:DETAIL], ended_at=now, lease_owner=None)
        )


async def put_off(writing: WriteSession, ids: Sequence[str], until: datetime, detail: str | None = None) -> None:
    """Let go of leased deliveries and make them due at `until`; `detail` says why, None leaves what stands there."""
    values: dict[str, Any] = {"next_at": until, "lease_owner": None}
    if detail is not None:
        values["detail"] = detail[:DETAIL]
    for part in _parts(ids):
        await writing.session.execute(
            update(Delivery).where(Delivery.id.in_(part), Delivery.state == PENDING).values(values)
        )


async def record(writing: WriteSession, ids: Sequence[str], made: AttemptMade) -> None:
    """Write an attempt down for each of the deliveries that it carried."""
    for part in _parts(ids):
        counted = await writing.session.execute(
            update(Delivery)
            .where(Delivery.id.in_(part))
            .values(attempts=Delivery.attempts + 1)
            .returning(Delivery.id, Delivery.attempts)
        )
        rows = [
            {
                "delivery_id": one,
                "number": number,
                "at": made.at,
                "outcome": made.outcome,
                "detail": made.detail[:DETAIL],
                "seconds": made.seconds,
            }
            for one, number in counted
        ]
        if rows:
            await writing.session.execute(insert(Attempt), rows)


async def pull_forward(writing: WriteSession, destination: str, now: datetime) -> None:
    """Make everything due that waits for its turn at a destination which works again."""
    await writing.session.execute(
        update(Delivery)
        .where(
            Delivery.destination == destination,
            Delivery.state == PENDING,
            Delivery.next_at > now,
            Delivery.lease_owner.is_(None),
        )
        .values(next_at=now)
    )


async def date_anew(writing: WriteSession, before: datetime, after: datetime, now: datetime) -> None:
    """Date what waits as of now where it was stored by a clock that was wrong: before `before`, or after `after`. It is then due."""
    unleased = Delivery.lease_owner.is_(None)
    await writing.session.execute(
        update(Delivery)
        .where(Delivery.state == PENDING, or_(Delivery.created_at < before, Delivery.created_at > after))
        .values(created_at=now, next_at=case((unleased, literal(now, Delivery.next_at.type)), else_=Delivery.next_at))
    )


async def free(writing: WriteSession, now: datetime, *, beyond: datetime) -> None:
    """Make due what waits for a time after `beyond`, which only a wrong clock can have set. A lease runs out a minute from now at the latest."""
    late = (Delivery.state == PENDING, Delivery.next_at > beyond)
    await writing.session.execute(update(Delivery).where(*late, Delivery.lease_owner.is_(None)).values(next_at=now))
    lapses = now + LEASE_ENDS
    await writing.session.execute(update(Delivery).where(*late, Delivery.next_at > lapses).values(next_at=lapses))


async def expire(writing: WriteSession, before: datetime, now: datetime) -> dict[str, int]:
    """End what was stored before `before` and never left, and return how many by destination."""
    rows = await writing.session.execute(
        update(Delivery)
        .where(Delivery.state == PENDING, Delivery.created_at <= before)
        .values(state=EXPIRED, ended_at=now, lease_owner=None)
        .returning(Delivery.destination)
    )
    counts: dict[str, int] = {}
    for name in rows.scalars():
        counts[name] = counts.get(name, 0) + 1
    return counts


async def cancel_all(writing: WriteSession, destination: str, why: str, now: datetime) -> int:
    """Cancel what waits for a destination and return how many."""
    rows = await writing.session.execute(
        update(Delivery)
        .where(Delivery.destination == destination, Delivery.state == PENDING)
        .values(state=CANCELLED, detail=why[:DETAIL], ended_at=now, lease_owner=None)
        .returning(Delivery.id)
    )
    return len(rows.all())


async def replay(
    writing: WriteSession,
    now: datetime,
    *,
    delivery: str | None = None,
    destination: str | None = None,
    since: datetime | None = None,
    delivered: bool = False,
) -> int:
    """Make ended deliveries pending again under their own ids, and return how many.

    One `delivery`, or those of a `destination` raised `since`: such as never arrived, or all of them with `delivered`.
    """
    wanted: list[ColumnElement[bool]] = [Delivery.state != PENDING]
    if delivery is not None:
        wanted.append(Delivery.id == delivery)
    elif not delivered:
        wanted.append(Delivery.state.in_((CANCELLED, EXPIRED)))
    if destination is not None:
        wanted.append(Delivery.destination == destination)
    if since is not None:
        wanted.append(Delivery.created_at >= since)
    rows = await writing.session.execute(
        update(Delivery)
        .where(*wanted)
        .values(state=PENDING, detail="replayed", created_at=now, next_at=now, ended_at=None, lease_owner=None)
        .returning(Delivery.id)
    )
    return len(rows.all())


async def owed_before(session: AsyncSession, destination: str, incident: str, seq: int) -> bool:
    """Return whether a destination was told of an incident by an alert before `seq`, or will be.

    Also where nobody can say any longer, because the alert that began it is no longer kept: rather told twice than not at all.
    """
    query = (
        select(Delivery.id)
        .join(Alert, Alert.id == Delivery.alert_id)
        .where(
            Delivery.destination == destination,
            Alert.incident_id == incident,
            Alert.seq < seq,
            Delivery.state.in_((PENDING, DELIVERED, DIGESTED)),
        )
        .limit(1)
    )
    return (await session.execute(query)).first() is not None or await _began_unkept(session, seq)


async def _began_unkept(session: AsyncSession, seq: int) -> bool:
    """Return whether alert `seq` follows a `first` of its watch and incident that is gone."""
    first = aliased(Alert)
    same = (first.watch == Alert.watch, first.incident_id == Alert.incident_id, first.seq < seq, first.step == "first")
    query = select(Alert.seq).where(Alert.seq == seq, Alert.step != "first", ~exists().where(*same))
    return (await session.execute(query)).first() is not None


async def listed(
    session: AsyncSession, *, destination: str | None = None, state: str | None = None, limit: int = 100
) -> list[Delivery]:
    """Return the newest deliveries first."""
    wanted: list[ColumnElement[bool]] = []
    if destination is not None:
        wanted.append(Delivery.destination == destination)
    if state is not None:
        wanted.append(Delivery.state == state)
    query = select(Delivery).where(*wanted).order_by(Delivery.created_at.desc(), Delivery.id).limit(limit)
    return list((await session.execute(query)).scalars())


async def attempts(session: AsyncSession, delivery: str) -> list[Attempt]:
    query = select(Attempt).where(Attempt.delivery_id == delivery).order_by(Attempt.number)
    return list((await session.execute(query)).scalars())


async def told_before(session: AsyncSession, destination: str, incident: str, seq: int) -> IncidentView | None:
    """Return the incident as this destination was last told it before alert `seq`; None where it was told nothing."""
    query = (
        select(Alert.incident_view)
        .join(Delivery, Delivery.alert_id == Alert.id)
        .where(
            Delivery.destination == destination,
            Alert.incident_id == incident,
            Alert.seq < seq,
            or_(Delivery.state == DELIVERED, Delivery.state == DIGESTED),
        )
        .order_by(Alert.seq.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()


def _fresh(now: datetime) -> dict[str, Any]:
    return {"state": PENDING, "detail": "", "attempts": 0, "created_at": now, "next_at": now}


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut a list of ids: SQLite takes some thousands of parameters in a statement, not more."""
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]
