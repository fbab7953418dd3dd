"""Keeps producers reading: back-off with cap and jitter, coverage every 30 s, sources reloaded, what a source does said once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from app.clock import Clock
from app.domain.config import SourceConfig
from app.errors import DamagedError, Unavailable, UserError
from app.home import hold_home, spool_lock
from app.streams.port import Stream
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from producers.forward import GROUP, forward
from producers.intake import COVERAGE_EVERY_S, Intake, open_intake
from producers.measures import Measures
from producers.port import Lost, Producer, Refused
from producers.spool import RAW_TOPIC, Spool, open_spool

FIRST_DELAY_S = 0.5
DELAY_CAP_S = 60.0
STEADY_S = 60.0  # a connection that held so long has earned a fresh start of the back-off
RELOAD_S = 3.0
BUG_DELAY_S = 30.0
EXPIRE_EVERY_S = 3600.0

log = structlog.get_logger(__name__)

LoadSources = Callable[[], Awaitable[Sequence[SourceConfig]]]


class Planned(NamedTuple):
    """A producer to run. While `of` (what it is made from) stays equal, the running one is left alone."""

    of: object
    make: Callable[[], Producer]
    sources: frozenset[str] = frozenset()


Plan = Callable[[Sequence[SourceConfig]], Mapping[str, Planned]]


class Backoff:
    """Pauses that double from FIRST_DELAY_S to DELAY_CAP_S, each shortened by a random part so that many do not return at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._delay = FIRST_DELAY_S
        self._began = clock.monotonic()

    def attempt(self) -> None:
        self._began = self._clock.monotonic()

    async def pause(self, at_least: float | None) -> None:
        if self._clock.monotonic() - self._began >= STEADY_S:
            self._delay = FIRST_DELAY_S
        delay = self._delay * random.uniform(0.5, 1.0)
        self._delay = min(DELAY_CAP_S, self._delay * 2)
        await self._clock.sleep(max(delay, at_least or 0.0))


async def keep_reading(producer: Producer, intake: Intake) -> None:
    """Read until cancelled, whatever happens to the source. Our own bug is logged with its trace and slows this producer only."""
    backoff = Backoff(intake.clock)
    sources = producer.source_ids
    again = False
    await intake.report(sources, "connecting")
    while True:
        backoff.attempt()
        try:
            await producer.read(intake)
            state, detail, pause = "connecting", "the connection ended", None
        except Lost as lost:
            state, detail, pause = "connecting", lost.detail, lost.retry_after
        except Refused as refused:
            state, detail, pause = "refused", refused.detail, refused.retry_after
        except Unavailable as away:
            state, detail, pause = "paused", away.detail, away.retry_after
        except DamagedError:
            raise
        except Exception as bug:
            if isinstance(bug, ExceptionGroup) and (damage := bug.subgroup(DamagedError)):
                raise damage from None
            log.exception("a producer failed", platform=producer.name)
            state, detail, pause = "connecting", f"internal error: {type(bug).__name__}", BUG_DELAY_S
        intake.coverage.end()
        await intake.report(sources, state, detail, reconnected=again)
        again = True
        await backoff.pause(pause)


async def run_producer(producer: Producer, spool: Spool, clock: Clock) -> None:
    """Run one producer with its coverage until cancelled; what was completed is asserted once more at the end."""
    intake = await open_intake(producer.name, spool, clock)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_reading(producer, intake))
            group.create_task(_keep_asserting(intake, spool))
    finally:
        intake.coverage.end()
        await intake.assert_coverage()
        intake.leave()


async def run_producers(load: LoadSources, plan: Plan, spool: Spool, clock: Clock) -> None:
    """Run the producers that the sources call for, until cancelled. A changed list of sources restarts those whom it concerns.

    While the sources cannot be loaded it goes on with what was last read. DamagedError stops it.
    """
    async with asyncio.TaskGroup() as group:
        running: dict[str, tuple[object, asyncio.Task[None]]] = {}
        while True:
            with suppress(Unavailable):
                wanted = plan(await load())
                for name in [name for name, (of, _) in running.items() if name not in wanted or wanted[name].of != of]:
                    _, task = running.pop(name)
                    task.cancel()
                    await asyncio.wait([task])
                for name, planned in wanted.items():
                    if name not in running:
                        made = _made(name, planned)
                        task = group.create_task(run_producer(made, spool, clock), name=f"producer {name}")
                        running[name] = (planned.of, task)
            await clock.sleep(RELOAD_S)


class _Unusable:
    """Stands for a producer that cannot be made from what is configured: it says why, and the others run."""

    def __init__(self, name: str, sources: frozenset[str], why: str) -> None:
        self.name = name
        self.source_ids = sources
        self._why = why

    async def read(self, intake: Intake) -> None:
        del intake
        raise Refused(self._why)


def _made(name: str, planned: Planned) -> Producer:
    try:
        return planned.make()
    except UserError as error:
        log.error("a producer cannot be used", platform=name, detail=error.detail)  # noqa: TRY400 - the operator's, not ours
        return _Unusable(name, planned.sources, error.detail)


async def _keep_asserting(intake: Intake, spool: Spool) -> None:
    while True:
        await intake.clock.sleep(COVERAGE_EVERY_S)
        await intake.assert_coverage()
        await spool.say_head()


@asynccontextmanager
async def open_producer_spool(
    stream: Stream,
    home: Path,
    name: str,
    clock: Clock,
    *,
    retention_days: int | None = None,
    measures: Measures | None = None,
) -> AsyncIterator[Spool]:
    """Open the spool of the producers called `name`: the embedded log itself, or `spool-<name>.db` with a forwarder beside a broker.

    Raises HomeHeldError where another process holds that spool.
    """
    if isinstance(stream, SqliteLog):
        async with open_spool(stream, clock, measures=measures) as spool:
            yield spool
        return
    file = f"spool-{name}"
    with hold_home(home, command=f"produce {name}", since=clock.now(), lock=spool_lock(name)):
        file_of = open_sqlite_log(home / f"{file}.db", clock, retention_days=retention_days)
        async with file_of as own, asyncio.TaskGroup() as group:
            tasks = [group.create_task(forward(own, stream, clock)), group.create_task(_keep_expiring(own, clock))]
            try:
                async with open_spool(own, clock, forwarded=True, measures=measures) as spool:
                    yield spool
            finally:
                for task in tasks:
                    task.cancel()


async def _keep_expiring(own: SqliteLog, clock: Clock) -> None:
    """Delete raw bytes past their retention; a record that the stream has not taken stays, however old."""
    while True:
        await own.save_offset(RAW_TOPIC, GROUP, (await own.bounds(RAW_TOPIC)).end)
        await own.expire(clock.now(), hold_for=(GROUP,))
        await clock.sleep(EXPIRE_EVERY_S)
