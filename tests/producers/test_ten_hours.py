"""Ten simulated hours of faults for every producer that has a simulator, all at once: every post is stored, or lies in a gap that is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import ScaledClock
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from producers import bluesky, feeds, x
from producers.port import Producer
from tests.producers.playing import ids, open_gaps, playing, setup, source
from tests.simulator.fake_feed import fake_feed
from tests.simulator.fake_jetstream import fake_jetstream
from tests.simulator.fake_x import fake_x
from tests.simulator.web import LoopbackServer

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
FACTOR = 1200  # ten hours in half a minute
HOURS = 10
DID = "did:plc:ridge"


@dataclass
class Case:
    """A producer and its simulator. `refuse(status)` answers everything with it, None stops that; `silence` keeps sockets open and mute."""

    producer: Producer
    server: LoopbackServer
    publish: Callable[[int], str]
    refuse: Callable[[int | None], None]
    silence: Callable[[bool], None]
    connects: Callable[[], list[float]]
    log: SqliteLog
    published: dict[str, datetime]


@asynccontextmanager
async def x_case(clock: ScaledClock, log: SqliteLog) -> AsyncIterator[Case]:
    async with fake_x(clock) as server:

        def refuse(status: int | None) -> None:
            server.refuse = status
            server.cut()

        def silence(on: bool) -> None:
            server.silent = on

        producer = x.make(setup(clock, source("x:ridge"), base_url=server.base_url))
        yield Case(
            producer,
            server,
            lambda n: server.publish("ridge", f"report {n}"),
            refuse,
            silence,
            lambda: server.connects["posts"],
            log,
            {},
        )


@asynccontextmanager
async def bluesky_case(clock: ScaledClock, log: SqliteLog, *, first_form: bool) -> AsyncIterator[Case]:
    async with fake_jetstream(clock, first_form=first_form) as server:

        def refuse(status: int | None) -> None:
            server.refuse = status
            server.cut()

        def silence(on: bool) -> None:
            server.silent = on

        producer = bluesky.make(setup(clock, source("bluesky:ridge", did=DID), hosts=[server.host]))
        yield Case(
            producer,
            server,
            lambda n: server.publish(DID, f"report {n}", f"r{n}"),
            refuse,
            silence,
            lambda: server.connects,
            log,
            {},
        )


@asynccontextmanager
async def feed_case(clock: ScaledClock, log: SqliteLog) -> AsyncIterator[Case]:
    async with fake_feed(clock) as server:

        def refuse(status: int | None) -> None:
            server.answer = status

        def silence(on: bool) -> None:
            server.down = on

        options = {"url": server.url, "every_s": 120.0, "allow_internal": True}
        yield Case(
            feeds.make(setup(clock, source("rss:wire", **options))),
            server,
            lambda n: server.publish(f"report {n}"),
            refuse,
            silence,
            lambda: [at for at, _ in server.looks],
            log,
            {},
        )


async def down(case: Case, clock: ScaledClock, seconds: float) -> None:
    case.server.down = True
    case.server.cut()
    await clock.sleep(seconds)
    case.server.down = False


async def faults(case: Case, clock: ScaledClock) -> None:
    """What happens in ten hours, in their minutes."""
    await clock.sleep(30 * 60)
    await down(case, clock, 3)
    await clock.sleep(30 * 60)
    await down(case, clock, 180)
    await clock.sleep(30 * 60)
    await down(case, clock, 3 * 3600)
    await clock.sleep(40 * 60)
    case.silence(True)
    await clock.sleep(5 * 60)
    case.silence(False)
    await clock.sleep(30 * 60)
    case.refuse(429)
    await clock.sleep(20 * 60)
    case.refuse(None)
    for _ in range(10):
        await clock.sleep(60)
        case.server.cut()


async def publish(case: Case, clock: ScaledClock, end: datetime) -> None:
    number = 0
    while clock.now() < end:
        at = clock.now()
        case.published[case.publish(number)] = at
        number += 1
        await clock.sleep(60)


async def live_through(case: Case, clock: ScaledClock, end: datetime) -> None:
    """Run the producer through the ten hours, and for a while of quiet in which it may catch up."""
    async with playing(case.producer, case.log, clock):
        await clock.sleep(60)
        troubles = asyncio.create_task(faults(case, clock))
        await publish(case, clock, end)
        await troubles
        last = case.publish(10_000)
        async with asyncio.timeout(20):
            while last not in await ids(case.log) or not set(case.published) <= await ids(case.log):
                if last in await ids(case.log) and not await missing(case):
                    break
                await asyncio.sleep(0.2)


async def missing(case: Case) -> list[str]:
    """Return the posts that are neither stored nor in a gap that was told."""
    stored, gaps = await ids(case.log), list((await open_gaps(case.log)).values())
    slack = timedelta(seconds=1)
    return [
        key
        for key, at in case.published.items()
        if key not in stored and not any(gap.start - slack <= at <= gap.end + slack and gap.reason for gap in gaps)
    ]


@pytest.mark.timeout(240)
async def test_ten_hours_of_faults_lose_no_post_without_a_word(tmp_path: Path) -> None:
    clock = ScaledClock(FACTOR, START)
    end = START + timedelta(hours=HOURS)
    async with AsyncExitStack() as stack:
        cases: dict[str, Case] = {}
        makers = {
            "x": x_case,
            "jetstream-1": lambda c, log: bluesky_case(c, log, first_form=True),
            "jetstream-2": lambda c, log: bluesky_case(c, log, first_form=False),
            "feed": feed_case,
        }
        for name, make in makers.items():
            opened = open_sqlite_log(tmp_path / f"{name}.db", clock, durable=False)
            cases[name] = await stack.enter_async_context(make(clock, await stack.enter_async_context(opened)))
        await asyncio.gather(*(live_through(case, clock, end) for case in cases.values()))
        for name, case in cases.items():
            assert len(case.published) > 100, name
            assert await missing(case) == [], name
            made = case.connects()
            busiest = max(sum(at <= other < at + 900 for other in made) for at in made)
            assert busiest <= 50, f"{name} connected {busiest} times within 15 minutes"
        stored = await ids(cases["jetstream-1"].log)
        assert set(cases["jetstream-1"].published) <= stored  # a host that looks back makes every outage whole again
        assert set(cases["x"].published) <= await ids(cases["x"].log)  # and so does filling on X
