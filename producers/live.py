"""The live producers of an installation: which sources there are, their spool, and their running until cancelled."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.db.config import load_sources
from app.domain.config import SourceConfig
from app.errors import Unavailable
from app.outbound.targets import policy_of
from app.resources import Resources
from producers.port import Setup
from producers.roster import plan
from producers.runner import open_producer_spool, run_producers
from producers.spool import Spool

KEPT = "sources"  # state: the sources as last read, for a start while the database is away


async def produce(resources: Resources, name: str = "live") -> None:
    """Read every configured source until cancelled. `name` tells the spools of one home apart."""
    settings = resources.settings
    sections = settings.config.sections
    allowed = settings.config.section("outbound")
    policy = policy_of([*allowed.get("allow_hosts", ()), *allowed.get("allow_networks", ())], plain=True)

    def setup() -> Setup:
        return Setup((), {}, settings.secret_of, resources.clock, policy, settings.home, resources.database)

    async with open_producer_spool(resources.stream, settings.home, name, resources.clock) as spool:
        sources = _Sources(resources, spool)
        await run_producers(sources.load, lambda found: plan(found, sections, setup), spool, resources.clock)


class _Sources:
    """The sources in the database, kept in the spool too."""

    def __init__(self, resources: Resources, spool: Spool) -> None:
        self._resources = resources
        self._spool = spool
        self._last: Sequence[SourceConfig] | None = None

    async def load(self) -> Sequence[SourceConfig]:
        try:
            async with self._resources.database.read() as session:
                found = await load_sources(session)
        except Unavailable:
            if self._last is None:
                stored = await self._spool.state(KEPT)
                self._last = msgspec.json.decode(stored, type=list[SourceConfig]) if stored else []
            return self._last
        if self._last is None or list(found) != list(self._last):
            self._last = found
            await self._spool.append([], state={KEPT: msgspec.json.encode(found)})
        return found
