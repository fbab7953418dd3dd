"""The conservation law in numbers: what was received, and what became of it."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import LedgerCount, Spool
from app.domain.ledger import Balance, Outcome


async def balance(session: AsyncSession) -> Balance:
    """Return the balance over all spools. A spool's head is said a little after its items, so what is decided counts as received."""
    heads = dict((await session.execute(select(Spool.spool, Spool.head))).all())
    decided: dict[str, int] = defaultdict(int)
    outcomes: dict[str, int] = defaultdict(int)
    rows = await session.execute(select(LedgerCount.spool, LedgerCount.outcome, LedgerCount.count))
    for spool, outcome, count in rows:
        decided[spool] += count
        outcomes[outcome] += count
    return Balance(
        received=sum(max(heads.get(spool, 0), decided[spool]) for spool in heads.keys() | decided.keys()),
        stored=outcomes[Outcome.STORED],
        duplicate=outcomes[Outcome.DUPLICATE],
        quarantined=outcomes[Outcome.QUARANTINED],
        dropped=outcomes[Outcome.DROPPED],
        empty_lines=int(await session.scalar(select(func.sum(Spool.empty_lines))) or 0),
    )
