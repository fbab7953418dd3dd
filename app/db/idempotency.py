"""Answers that writes with an Idempotency-Key got, so that a retry gets the same one and does nothing again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from app.db.models import Idempotency
from app.db.session import WriteSession

KEPT = timedelta(hours=24)


async def recall(writing: WriteSession, key: str, now: datetime) -> Idempotency | None:
    """Return the answer that was kept for `key`; forget those older than 24 h."""
    await writing.session.execute(delete(Idempotency).where(Idempotency.stored_at < now - KEPT))
    return (await writing.session.execute(select(Idempotency).where(Idempotency.key == key))).scalar_one_or_none()


async def keep(writing: WriteSession, answer: Idempotency) -> None:
    """Keep an answer, in the transaction of the write that it belongs to."""
    writing.session.add(answer)
