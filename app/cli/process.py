"""How the roles become a process: what runs beside what, how it starts, and how it stops within ten seconds of SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import structlog

from app.api.auth import refuse_open
from app.api.ops import create_ops_app, serving_ops
from app.api.server import serving
from app.ballast import lay_ballast
from app.cli.gauges import Gauges
from app.clock import Clock, SystemClock
from app.config_check import check_retention
from app.crash import arm
from app.db import meta
from app.db.config import apply_config
from app.db.migrate import check_in, upgrade
from app.db.session import Role
from app.errors import Unavailable
from app.home import hold_home, spool_name
from app.main import create_app
from app.resources import Resources, open_resources
from app.settings import Settings, prepare_home
from app.telemetry.logging import Format as Form
from app.telemetry.logging import configure_logging
from consumers.housekeeping import keep_house
from consumers.notify import run_notify
from consumers.settle import wait_until_settled
from consumers.topology import STAGES
from producers.live import produce
from producers.measures import Measures
from producers.replay import Replayed, ReplayOptions, ShowProgress, replay
from producers.runner import open_producer_spool

GRACE_S = 5.5  # of the ten that a stop may take: then the log and the database are closed, with 3 s and 1 s at most
LOOP_PERIOD_S = 1.0

log = structlog.get_logger(__name__)

Work = Coroutine[Any, Any, None]


@asynccontextmanager
async def open_process(
    settings: Settings, *, command: str, role: Role, owns_home: bool, clock: Clock | None = None
) -> AsyncIterator[Resources]:
    """Prepare the home and logs, own the home where one process must, and open the resources, on the system's clock or another."""
    form = cast("Form", settings.log_format)
    configure_logging(level=settings.log_level, form=form, secrets=settings.secrets())
    arm(settings.crash_at)
    prepare_home(settings.home)
    clock = clock or SystemClock()
    held = hold_home(settings.home, command=command, since=clock.now()) if owns_home else nullcontext()
    with held:
        async with open_resources(settings, role=role, clock=clock) as resources:
            yield resources


async def prepare_database(resources: Resources) -> None:
    """Bring the schema up to date and apply watchdesk.toml: only `run` and `migrate` do this."""
    await upgrade(resources.settings.database_url)
    async with resources.database.write() as writing:
        await apply_config(writing, resources.settings.config, resources.clock.now())


async def until_stopped(work: Sequence[Work], *, on_stop: Callable[[], None] | None = None) -> None:
    """Run the work until SIGTERM or SIGINT; one that fails ends all. Returns when everything has let go."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one) for one in work]
            await stop.wait()
            log.info("stopping")
            if on_stop is not None:
                on_stop()
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=GRACE_S)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def stage_work(resources: Resources, names: Sequence[str] = ()) -> list[Work]:
    """Return the stages to run, all of them where none is named."""
    return [stage.run(resources) for stage in STAGES if not names or stage.name in names]


def consumer_work(resources: Resources, names: Sequence[str] = ()) -> list[Work]:
    """Return what `watchdesk consume` runs: the named stages, or all, and the housekeeping of the database beside the desk.

    A desk that stands by keeps house too: two do no harm, for each chunk takes the writer lock.
    """
    stages = [name for name in names if name != "notify"]
    work = stage_work(resources, stages) if stages or not names else []
    sender = [run_notify(resources)] if "notify" in names or not names else []
    house = [keep_house(resources)] if "desk" in names or not names else []
    return [*work, *sender, *house]


async def run_everything(settings: Settings) -> None:
    """Run all roles in one process until it is told to stop."""
    async with open_process(settings, command="run", role="run", owns_home=_embedded(settings)) as resources:
        await prepare_database(resources)
        _tell_notices(settings)
        lay_ballast(settings.home, settings.ballast_mb)
        spool_of = open_producer_spool(
            resources.stream,
            settings.home,
            "run",
            resources.clock,
            retention_days=settings.stream.retention_days,
            measures=Measures(resources.metrics),
        )
        async with spool_of as spool, ops_of(resources, "run") as gauges:
            gauges.spool = spool
            inward = [produce(resources, spool), *stage_work(resources)]
            outward = [run_notify(resources), keep_house(resources), serve_api(resources)]
            await until_stopped([*inward, *outward], on_stop=spool.hurry)


async def run_role(settings: Settings, role: str, names: Sequence[str]) -> None:
    """Run one role of many processes until it is told to stop: `produce`, `consume` or `api`, of the named parts only."""
    owns = _embedded(settings) and role != "api"
    parts = {"produce": "run", "consume": "desk", "api": "api"}
    async with open_process(settings, command=role, role=cast("Role", parts[role]), owns_home=owns) as resources:
        await compare_with_stored(resources)
        _tell_notices(settings)
        async with ops_of(resources, role) as gauges:
            if role == "produce":
                name = spool_name(names)
                lay_ballast(settings.home, settings.ballast_mb)
                spool_of = open_producer_spool(
                    resources.stream,
                    settings.home,
                    name,
                    resources.clock,
                    retention_days=settings.stream.retention_days,
                    measures=Measures(resources.metrics),
                )
                async with spool_of as spool:
                    gauges.spool = spool
                    await until_stopped([produce(resources, spool, names)], on_stop=spool.hurry)
            elif role == "consume":
                await until_stopped(consumer_work(resources, names))
            else:
                await until_stopped([serve_api(resources)])


async def compare_with_stored(resources: Resources) -> None:
    """Refuse the database of another build; warn where `run` or `migrate` applied another watchdesk.toml than this process read."""
    try:
        async with resources.database.read() as session:
            await check_in(session)
            applied = await meta.value(session, "config_hash")
    except Unavailable:
        return
    differs = applied is not None and applied != resources.settings.config.digest
    resources.metrics.process.config_differs.set(differs)
    if differs:
        log.warning("this process read another watchdesk.toml than the one applied: run `watchdesk migrate`")


async def serve_api(resources: Resources) -> None:
    """Serve the API and the page; after a restore not before the desk has read the deletions that came since the backup."""
    settings = resources.settings
    await refuse_open(resources)
    await _caught_up(resources)
    async with serving(create_app(resources), settings.host, settings.port) as running:
        _say(f"{'DEMO ' if settings.demo else ''}page and API at {running.url}")
        await asyncio.shield(running.ended)


async def _caught_up(resources: Resources) -> None:
    said = False
    while True:
        try:
            async with resources.database.read() as session:
                waiting = await meta.value(session, meta.CATCHING_UP)
        except Unavailable:
            return  # the API says so itself, with 503
        if waiting is None:
            return
        if not said:
            _say("the database was restored: the API opens when the desk has caught up with the stream")
            said = True
        await resources.clock.sleep(1.0)


@asynccontextmanager
async def ops_of(resources: Resources, role: str) -> AsyncIterator[Gauges]:
    """Serve the ops port and measure the event loop beside it."""
    settings = resources.settings
    gauges = Gauges(resources, role)
    resources.metrics.process.build.labels(version("watchdesk"), role).set(1)
    app = create_ops_app(role, resources.health, resources.metrics, gauges.refresh)
    async with serving_ops(app, settings.ops_host, settings.ops_port) as url, asyncio.TaskGroup() as group:
        _say(f"ops of {role} at {url}: /metrics /healthz /readyz")
        lag = group.create_task(_measure_loop(resources))
        try:
            yield gauges
        finally:
            lag.cancel()
            await gauges.close()


async def _measure_loop(resources: Resources) -> None:
    while True:
        before = resources.clock.monotonic()
        await resources.clock.sleep(LOOP_PERIOD_S)
        resources.metrics.process.loop_lag.observe(max(0.0, resources.clock.monotonic() - before - LOOP_PERIOD_S))


def _tell_notices(settings: Settings) -> None:
    for notice in settings.notices:
        log.info(notice)
    for finding in check_retention(settings):
        log.warning(finding.says, setting=finding.where)


def _embedded(settings: Settings) -> bool:
    return settings.stream.kafka is None


def _say(line: str) -> None:
    sys.stderr.write(f"watchdesk: {line}\n")
    sys.stderr.flush()


async def replay_files(
    resources: Resources,
    files: Sequence[Path],
    options: ReplayOptions,
    progress: ShowProgress | None = None,
    *,
    stages: bool | None = None,
) -> list[Replayed]:
    """Run the files through the whole pipeline; return when the ledger has decided every item of them.

    `stages`: run tag and desk here too. By default only on the embedded log: beside a broker they are other processes.
    """
    ours = _embedded(resources.settings) if stages is None else stages
    spool_of = open_producer_spool(
        resources.stream,
        resources.settings.home,
        "replay",
        resources.clock,
        retention_days=resources.settings.stream.retention_days,
        measures=Measures(resources.metrics),
    )
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one) for one in stage_work(resources)] if ours else []
        async with spool_of as spool:
            done = await replay(files, spool, resources.clock, options, progress)
            await spool.say_head()
            await wait_until_settled(resources, spool.id, spool.head)
        for task in running:
            task.cancel()
    return done
