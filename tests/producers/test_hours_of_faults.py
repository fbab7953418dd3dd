"""Hours of faults for every producer that has a simulator, all at once: every post is stored, or lies in a gap that is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from app.clock import ScaledClock
from app.messages import SourceState
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from producers import bluesky, feeds, mastodon, x
from producers.port import Producer
from tests.producers.playing import ids, open_gaps, playing, setup, source, until
from tests.producers.recording import of_type
from tests.simulator.fake_feed import fake_feed
from tests.simulator.fake_jetstream import fake_jetstream
from tests.simulator.fake_mastodon import fake_mastodon
from tests.simulator.fake_x import fake_x
from tests.simulator.web import LoopbackServer

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
DID = "did:plc:ridge"


class Plan(NamedTuple):
    """How the hours are filled, in seconds of theirs: `rest` between two faults, `outage` the longest of three, `storm` of refusals."""

    factor: float
    rest: float
    outage: float
    storm: float
    every: float

    @property
    def whole(self) -> float:
        return 6 * self.rest + 3 + 180 + self.outage + 300 + self.storm + 10 * 60


SHORT = Plan(factor=400, rest=300, outage=1800, storm=600, every=20)
TEN_HOURS = Plan(factor=600, rest=3120, outage=3 * 3600, storm=1800, every=60)


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
    whole: bool = True  # what was missed can be had again: nothing may stay away


@asynccontextmanager
async def x_case(clock: ScaledClock, log: SqliteLog) -> AsyncIterator[Case]:
    async with fake_x(clock) as server:

        def refuse(status: int | None) -> None:
            server.refuse = status
            server.cut()

        def silence(on: bool) -> None:
            server.silent = on

        producer = x.make(setup(clock, source("x:ridge"), base_url=server.base_url, bearer_token_env="TOKEN"))
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
            whole=False,
        )


@asynccontextmanager
async def mastodon_case(clock: ScaledClock, log: SqliteLog) -> AsyncIterator[Case]:
    async with fake_mastodon(clock) as server:

        def refuse(status: int | None) -> None:
            server.refuse = status
            server.cut()

        def silence(on: bool) -> None:
            server.silent = on

        options = {"host": server.base_url, "stream": "public/local", "token_env": "TOKEN"}
        yield Case(
            mastodon.make(setup(clock, source("mastodon:social.example", **options))),
            server,
            lambda n: f"{server.origin}/{server.publish('ridge', f'report {n}')}",
            refuse,
            silence,
            lambda: server.connects,
            log,
            {},
        )


async def down(case: Case, clock: ScaledClock, seconds: float) -> None:
    case.server.down = True
    case.server.cut()
    await clock.sleep(seconds)
    case.server.down = False


async def faults(case: Case, clock: ScaledClock, plan: Plan) -> None:
    for seconds in (3, 180, plan.outage):
        await clock.sleep(plan.rest)
        await down(case, clock, seconds)
    await clock.sleep(plan.rest)
    case.silence(True)
    await clock.sleep(300)
    case.silence(False)
    await clock.sleep(plan.rest)
    case.refuse(429)
    await clock.sleep(plan.storm)
    case.refuse(None)
    for _ in range(10):
        await clock.sleep(60)
        case.server.cut()


async def publish(case: Case, clock: ScaledClock, plan: Plan) -> None:
    end = START + timedelta(seconds=plan.whole)
    number = 0
    while clock.now() < end:
        at = clock.now()
        case.published[case.publish(number)] = at
        number += 1
        await clock.sleep(plan.every)


async def live_through(case: Case, clock: ScaledClock, plan: Plan) -> None:
    """Run the producer through the plan, and for a while of quiet in which it may catch up."""
    async with playing(case.producer, case.log, clock):
        await until(lambda: is_live(case))  # what came before anybody listened is nobody's gap
        await clock.sleep(60)
        troubles = asyncio.create_task(faults(case, clock, plan))
        await publish(case, clock, plan)
        await troubles
        last = case.publish(10_000)
        for _ in range(200):
            stored = await ids(case.log)
            lost = set(case.published) - stored if case.whole else set(await missing(case))
            if last in stored and not lost:
                return
            await asyncio.sleep(0.2)


async def is_live(case: Case) -> bool:
    return any(state.state == "live" for state in await of_type(case.log, SourceState))


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
@pytest.mark.parametrize("plan", [SHORT, pytest.param(TEN_HOURS, marks=pytest.mark.soak)], ids=["short", "ten hours"])
async def test_hours_of_faults_lose_no_post_without_a_word(tmp_path: Path, plan: Plan) -> None:
    clock = ScaledClock(plan.factor, START)
    makers: dict[str, Callable[[ScaledClock, SqliteLog], AbstractAsyncContextManager[Case]]] = {
        "x": x_case,
        "jetstream-1": lambda clock, log: bluesky_case(clock, log, first_form=True),
        "jetstream-2": lambda clock, log: bluesky_case(clock, log, first_form=False),
        "feed": feed_case,
        "mastodon": mastodon_case,
    }
    async with AsyncExitStack() as stack:
        cases: dict[str, Case] = {}
        for name, make in makers.items():
            opened = open_sqlite_log(tmp_path / f"{name}.db", clock, durable=False)
            cases[name] = await stack.enter_async_context(make(clock, await stack.enter_async_context(opened)))
        await asyncio.gather(*(live_through(case, clock, plan) for case in cases.values()))
        for name, case in cases.items():
            assert len(case.published) > 100, name
            assert await missing(case) == [], name
            assert not case.whole or set(case.published) <= await ids(case.log), name
        made = cases["x"].connects()
        busiest = max(sum(at <= other < at + 900 for other in made) for at in made)
        assert busiest <= 50, f"X was connected to {busiest} times within 15 minutes"
