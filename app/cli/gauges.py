"""What a scrape reads anew: the ledger, the log, the disk, the sources' silence, the incidents that are open.

One reading serves all who scrape meanwhile. A dependency that hangs delays no scrape longer than the scraper waits: its gauge then
holds what it held, and says 0 as soon as the reading has ended.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from datetime import timedelta

import structlog

from app.api.health import refresh
from app.db import incidents, meta, sources
from app.db.clock import database_offset
from app.domain.clocks import BUILT
from app.errors import Unavailable, WatchdeskError
from app.resources import Resources
from app.telemetry.metrics import LEVELS, PLATFORMS
from producers.measures import platform_of
from producers.spool import Spool

log = structlog.get_logger(__name__)


class Gauges:
    """The gauges of one process. `spool` is that of its producers, where it has any."""

    def __init__(self, resources: Resources, role: str) -> None:
        self._resources = resources
        self._reads_sources = role in {"run", "produce"}
        self._decides = role in {"run", "consume"}
        self._reading: asyncio.Task[None] | None = None
        self.spool: Spool | None = None

    async def refresh(self, seconds: float) -> None:
        """Bring the gauges up to date, as far as that is possible within `seconds`."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.wait({self._reading}, timeout=seconds)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> None:
        process = self._resources.metrics.process
        process.home_free.set(shutil.disk_usage(self._resources.settings.home).free)
        self._clocks()
        for part in (self._stream, self._spooled, self._database):
            try:
                await part()
            except Unavailable:
                continue  # its own gauge says so
            except WatchdeskError as error:
                log.warning("a gauge could not be read", detail=error.detail)

    def _clocks(self) -> None:
        offset, seen = self._resources.metrics.process.clock_offset, self._resources.witness.seen()
        offset.labels("build").set(min(0.0, (self._resources.clock.now() - BUILT).total_seconds()))
        offset.labels("receivers").set(seen.offset_s if seen else 0.0)

    async def _stream(self) -> None:
        up = self._resources.metrics.process.stream_up
        try:
            await self._resources.stream.ping()
        except WatchdeskError:
            up.set(0)
            raise
        up.set(1)

    async def _spooled(self) -> None:
        if self.spool is None:
            return
        items = self._resources.metrics.items
        items.spool_items.set(await self.spool.backlog())
        items.spool_oldest.set(await self.spool.oldest() or 0)

    async def _database(self) -> None:
        await refresh(self._resources)
        now, metrics = self._resources.clock.now(), self._resources.metrics
        async with self._resources.database.read() as session:
            ahead = await database_offset(session, self._resources.clock)
            applied = await meta.value(session, "config_hash")
            quiet = await sources.silent(session, now) if self._reads_sources else {}
            hours = self._resources.settings.config.desk.incident_hours
            levels = await incidents.by_level(session, now - timedelta(hours=hours)) if self._decides else {}
        metrics.process.clock_offset.labels("database").set(ahead or 0.0)
        metrics.process.config_differs.set(applied is not None and applied != self._resources.settings.config.digest)
        silent = Counter(map(platform_of, quiet))
        for platform in PLATFORMS if self._reads_sources else ():
            metrics.sources.silent.labels(platform).set(silent[platform])
        for level in LEVELS if self._decides else ():
            metrics.desk.incidents.labels(level).set(levels.get(level, 0))
