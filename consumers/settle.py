"""Waiting until the ledger has decided everything that a spool took in: how a replay knows that it is done."""

from __future__ import annotations

from sqlalchemy import func, select

from app.db.models import LedgerRange, Spool
from app.errors import Unavailable, WatchdeskError
from app.resources import Resources

PATIENCE_S = 60.0  # so long without any progress means that a stage stands still
POLL_S = 0.05


class StandstillError(WatchdeskError):
    """A stage stands still."""

    code = "standstill"


async def wait_until_settled(resources: Resources, spool: str, head: int, *, patience: float = PATIENCE_S) -> None:
    """Return when the items 1..`head` of the spool are decided and its head is known.

    Raises StandstillError after `patience` seconds without progress, and Unavailable where the database was away all that time.
    """
    clock = resources.clock
    best, since = -1, clock.monotonic()
    while True:
        try:
            decided, known = await _progress(resources, spool)
        except Unavailable:
            if clock.monotonic() - since > patience:
                raise
            await clock.sleep(POLL_S)
            continue
        if decided >= head and known >= head:
            return
        if decided + known > best:
            best, since = decided + known, clock.monotonic()
        elif clock.monotonic() - since > patience:
            where = "tag or desk" if decided < head else "desk"
            raise StandstillError(
                f"{head - decided} of {head} items were not decided and nothing moved for {patience:.0f} s: see stage {where}"
            )
        await clock.sleep(POLL_S)


async def _progress(resources: Resources, spool: str) -> tuple[int, int]:
    ranges = select(func.sum(LedgerRange.last - LedgerRange.first + 1)).where(LedgerRange.spool == spool)
    async with resources.database.read() as session:
        decided = int(await session.scalar(ranges) or 0)
        known = int(await session.scalar(select(Spool.head).where(Spool.spool == spool)) or 0)
    return decided, known
