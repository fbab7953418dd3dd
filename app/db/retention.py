"""What goes when its time has come: exercises after a day, posts after the days that the desk keeps them, answers and tries after theirs.

A post that an incident rests on goes with its text only: the incident keeps what it counted. Nothing under a hold goes at all; what only a hold
kept goes when it ends.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.holds import held, release
from app.db.models import (
    Alert,
    Attempt,
    Delivery,
    Idempotency,
    Incident,
    IncidentPost,
    Post,
    Quarantine,
    Revision,
    WatchIncident,
)

EXERCISES_FOR = timedelta(days=1)
ANSWERS_FOR = timedelta(hours=24)
CHUNK = 500  # rows a transaction: the writer lock is never held long


async def expire_chunk(session: AsyncSession, now: datetime, retention_days: int) -> int:
    """Delete one chunk of what is due, by the time at which we stored it; return how many rows went. Call again until 0."""
    gone = await _exercises(session, now - EXERCISES_FOR) + await release(session, now)
    old_answers = select(Idempotency.key).where(Idempotency.stored_at < now - ANSWERS_FOR).limit(CHUNK)
    gone += await _delete(session, delete(Idempotency).where(Idempotency.key.in_(old_answers)))
    if retention_days > 0:
        gone += await _posts(session, now - timedelta(days=retention_days), now)
    return gone


async def _exercises(session: AsyncSession, before: datetime) -> int:
    query = select(Incident.id).where(Incident.exercise, Incident.stored_at < before).limit(CHUNK)
    incidents = list((await session.execute(query)).scalars())
    if not incidents:
        return 0
    posts = select(IncidentPost.post_id).where(IncidentPost.incident_id.in_(incidents))
    post_ids = list((await session.execute(posts)).scalars())
    alerts = list((await session.execute(select(Alert.id).where(Alert.incident_id.in_(incidents)))).scalars())
    deliveries = select(Delivery.id).where(Delivery.alert_id.in_(alerts))
    await session.execute(delete(Attempt).where(Attempt.delivery_id.in_(deliveries)))
    await session.execute(delete(Delivery).where(Delivery.alert_id.in_(alerts)))
    await session.execute(delete(Alert).where(Alert.id.in_(alerts)))
    await session.execute(delete(WatchIncident).where(WatchIncident.incident_id.in_(incidents)))
    await session.execute(delete(IncidentPost).where(IncidentPost.incident_id.in_(incidents)))
    await session.execute(delete(Revision).where(Revision.post_id.in_(post_ids)))
    await session.execute(delete(Post).where(Post.id.in_(post_ids)))
    return await _delete(session, delete(Incident).where(Incident.id.in_(incidents)))


async def _posts(session: AsyncSession, before: datetime, now: datetime) -> int:
    due = (Post.stored_at < before) & ~held(now)
    used = exists().where(IncidentPost.post_id == Post.id)
    unused = list((await session.execute(select(Post.id).where(due, ~used).limit(CHUNK))).scalars())
    await session.execute(delete(Revision).where(Revision.post_id.in_(unused)))
    gone = await _delete(session, delete(Post).where(Post.id.in_(unused)))
    emptied = list((await session.execute(select(Post.id).where(due, used, Post.text != "").limit(CHUNK))).scalars())
    await session.execute(update(Revision).where(Revision.post_id.in_(emptied)).values(text=""))
    gone += await _delete(session, update(Post).where(Post.id.in_(emptied)).values(text=""))
    old = select(Quarantine.ingest).where(Quarantine.stored_at < before).limit(CHUNK)
    return gone + await _delete(session, delete(Quarantine).where(Quarantine.ingest.in_(old)))


async def _delete(session: AsyncSession, statement: object) -> int:
    return int((await session.execute(statement)).rowcount)  # type: ignore[call-overload]


async def rows_due(session: AsyncSession, now: datetime) -> int:
    """Return how many exercises are a day past their day: what a doctor asks whether housekeeping still runs."""
    query = select(func.count()).where(Incident.exercise, Incident.stored_at < now - 2 * EXERCISES_FOR)
    return int(await session.scalar(query) or 0)
