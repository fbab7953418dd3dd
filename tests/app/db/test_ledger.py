from __future__ import annotations

from app.db import ledger
from app.db.models import LedgerCount, Spool
from app.db.session import Database
from tests.rows import NOON, store


async def test_an_empty_ledger_balances(database: Database) -> None:
    async with database.read() as session:
        balance = await ledger.balance(session)
    assert (balance.received, balance.in_flight) == (0, 0)


async def test_what_is_said_but_not_decided_is_in_flight(database: Database) -> None:
    await store(
        database,
        Spool(spool="a", head=10, empty_lines=2, said_at=NOON),
        Spool(spool="b", head=1, empty_lines=1, said_at=NOON),
        LedgerCount(spool="a", outcome="stored", count=5),
        LedgerCount(spool="a", outcome="duplicate", count=1),
        LedgerCount(spool="b", outcome="quarantined", count=3),
        LedgerCount(spool="watchdesk.posts.v1/0", outcome="dropped", count=4),
    )
    async with database.read() as session:
        balance = await ledger.balance(session)
    assert balance.received == 10 + 3 + 4
    assert (balance.stored, balance.duplicate, balance.quarantined, balance.dropped) == (5, 1, 3, 4)
    assert (balance.in_flight, balance.empty_lines) == (4, 3)
