from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import uuid4

import pytest

from app.db import destinations, outbox
from app.db.clock import SeenOf, put_seen, seen_by_receivers
from app.db.models import DestinationState
from app.domain.clocks import BUILT
from app.domain.deliveries import delivery_id
from app.notify.secrets import new_secret
from consumers.clock_watch import ClockWatch
from tests.parts.postgres import PostgresServer
from tests.parts.set_clock import SetClock
from tests.rows import store
from tests.sending import Sending, alerts, sending
from tests.simulator.receiver import Answer, receiving

HOUR, YEARS = 3600.0, -10 * 365 * 86_400.0


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Sending]:
    async with sending(tmp_path, SetClock()) as running:
        yield running


def clock_of(desk: Sending) -> SetClock:
    assert isinstance(desk.clock, SetClock)
    return desk.clock


async def minute(desk: Sending, watch: ClockWatch) -> list[str]:
    async with desk.database.write() as writing:
        lines = await watch.keep(writing, desk.clock.now())
    watch.committed()
    return lines


def told_by(desk: Sending, hosts: int, ahead_s: float) -> None:
    """Let receivers say that our clock, as it stands, is so many seconds ahead."""
    now = desk.clock.now()
    header = {"Date": format_datetime(now - timedelta(seconds=ahead_s), usegmt=True)}
    for number in range(hosts):
        desk.resources.witness.hear(f"h{number}.example", header, now, now)


async def due_now(desk: Sending, destination: str) -> int:
    async with desk.database.read() as session:
        return len(await outbox.due(session, destination, desk.clock.now(), limit=9))


async def test_webhooks_wait_unsigned_while_the_clock_is_years_back_and_leave_once_it_is_set(desk: Sending) -> None:
    clock_of(desk).set(YEARS)
    async with receiving() as receiver:
        await desk.add("hook", "webhook", new_secret(), url=receiver.url, allow_http=True)
        await desk.add("other", "null")
        await desk.raise_alerts(alerts(1), ["hook"])
        async with desk.run():
            assert await desk.settled("other") == {"delivered": 1}
            await receiver.until(lambda: desk.resources.metrics.registry.get_sample_value(*REFUSED) == 2)
        (notice,) = await desk.deliveries("other")
        assert "before this build was made: webhooks are not signed and wait" in (notice.notice or "")
        assert receiver.requests == []
        waiting = await desk.deliveries("hook")
        assert [row.state for row in waiting] == ["pending", "pending"]
        assert any(row.detail.startswith("not signed: the clock says") for row in waiting)
        state = await desk.state("hook")
        assert state is not None
        assert (state.failures, state.disabled_at) == (0, None)  # it is no fault of the receiver's
        assert desk.resources.metrics.registry.get_sample_value(*BUGS) == 0
        clock_of(desk).set(0)
        async with desk.run():  # what stands there with a date of years ago has not expired
            assert await desk.settled("hook") == {"delivered": 2}
        assert len(receiver.taken) == 2


REFUSED = ("watchdesk_delivery_attempts_total", {"type": "webhook", "outcome": "temporary"})
BUGS = ("watchdesk_stage_errors_total", {"stage": "notify", "cause": "bug"})


async def test_a_receiver_whose_date_differs_raises_the_alarm_and_one_that_agrees_ends_it(desk: Sending) -> None:
    desk.witness = desk.resources.witness
    async with receiving() as receiver:
        wrong = format_datetime(datetime.now(UTC) - timedelta(seconds=612), usegmt=True)
        receiver.always(Answer(200, b"ok", {"Date": wrong}))
        await desk.add("hook", "webhook", new_secret(), url=receiver.url, allow_http=True)
        await desk.add("other", "null")
        await desk.raise_alerts(alerts(1), ["hook"])
        async with desk.run():
            await receiver.until(lambda: bool(receiver.taken))
            await desk.settled("hook")
            clock_of(desk).pass_by(61)
            await receiver.until(lambda: len(receiver.taken) == 2)  # the notice
            clock_of(desk).set(-612)
            clock_of(desk).pass_by(61)
            await receiver.until(lambda: len(receiver.taken) == 3)
            assert await desk.settled("other") == {"delivered": 2}
    said = [
        row.notice or ""
        for row in sorted(await desk.deliveries("other"), key=lambda row: "right" in (row.notice or ""))
    ]
    assert "s ahead, says one receiver: signatures may be refused; set it (NTP)" in said[0]
    assert said[1].endswith("is right again")


async def test_a_wrong_clock_is_said_once_and_written_down_for_the_doctor(desk: Sending) -> None:
    watch = ClockWatch(desk.resources)
    assert await minute(desk, watch) == []
    told_by(desk, 3, -612)
    (line,) = await minute(desk, watch)
    assert " s behind, say 3 receivers" in line
    assert await minute(desk, watch) == []
    async with desk.database.read() as session:
        (seen,) = (await seen_by_receivers(session)).values()
    assert (round(seen.offset_s / 10), seen.hosts) == (-61, 3)
    told_by(desk, 3, 30)
    (line,) = await minute(desk, watch)
    assert line.endswith("is right again")
    async with desk.database.read() as session:
        (seen,) = (await seen_by_receivers(session)).values()
    assert 25 < seen.offset_s < 35


async def test_machines_are_told_apart_and_forgotten_a_day_after_their_last_word(desk: Sending) -> None:
    now = desk.clock.now()
    for machine, hours in (("a", 30), ("b", 20), ("c", 0)):
        async with desk.database.write() as writing:
            await put_seen(writing, machine, SeenOf(1.0, 1, now - timedelta(hours=hours)))
    async with desk.database.read() as session:
        assert sorted(await seen_by_receivers(session)) == ["b", "c"]


async def test_what_a_clock_that_ran_ahead_held_back_is_due_within_a_minute_of_its_being_set(desk: Sending) -> None:
    await desk.add("hook", "null")
    before = alerts(1)
    await desk.raise_alerts(before, ["hook"])
    clock_of(desk).set(HOUR)
    watch = ClockWatch(desk.resources)
    ahead = desk.clock.now()
    async with desk.database.write() as writing:
        ids = [delivery_id("hook", before[0].id)]
        await outbox.put_off(writing, ids, ahead + timedelta(minutes=2), "HTTP 500")
        await destinations.put_state(
            writing,
            DestinationState(destination="hook", paused_until=ahead + timedelta(minutes=1), failing_since=ahead),
        )
    await desk.raise_alerts(alerts(1, start=2), ["hook"])
    assert await minute(desk, watch) == []
    clock_of(desk).set(0)
    assert await due_now(desk, "hook") == 0
    await minute(desk, watch)
    assert await due_now(desk, "hook") == 2
    state = await desk.state("hook")
    now = desk.clock.now()
    assert state is not None
    assert state.paused_until is not None
    assert state.paused_until <= now + timedelta(seconds=60)
    assert state.failing_since is not None
    assert state.failing_since <= now


async def test_a_clock_that_is_only_a_little_off_changes_nothing(desk: Sending) -> None:
    await desk.add("hook", "null")
    first = alerts(1)
    await desk.raise_alerts(first, ["hook"])
    watch = ClockWatch(desk.resources)
    later = desk.clock.now() + timedelta(hours=4)
    async with desk.database.write() as writing:
        await outbox.put_off(writing, [delivery_id("hook", first[0].id)], later, "HTTP 500")
    clock_of(desk).set(-20)
    await minute(desk, watch)
    (row,) = await desk.deliveries("hook")
    assert row.next_at == later


async def test_a_lease_of_a_time_to_come_ends_and_a_trouble_since_before_this_build_is_no_long_one(
    desk: Sending,
) -> None:
    await desk.add("hook", "null")
    first = alerts(1)
    await desk.raise_alerts(first, ["hook"])
    watch = ClockWatch(desk.resources)
    now = desk.clock.now()
    async with desk.database.write() as writing:
        ids = [delivery_id("hook", first[0].id)]
        await outbox.claim(writing, ids, owner="gone", until=now + timedelta(days=365))
    await store(desk.database, DestinationState(destination="hook", failing_since=BUILT - timedelta(days=400)))
    await minute(desk, watch)
    (row,) = await desk.deliveries("hook")
    assert row.next_at <= desk.clock.now() + timedelta(seconds=60)
    state = await desk.state("hook")
    assert state is not None
    assert state.failing_since is not None
    assert state.failing_since >= now - timedelta(seconds=1)


@pytest.mark.postgres
async def test_the_clock_of_a_database_on_a_server_counts_too(tmp_path: Path, postgres_server: PostgresServer) -> None:
    name = f"t_{uuid4().hex}"
    clock = SetClock()
    async with sending(tmp_path, clock, postgres_server.create_database(name)) as desk:
        watch = ClockWatch(desk.resources)
        assert await minute(desk, watch) == []
        clock.set(-90)
        (line,) = await minute(desk, watch)
        assert "s behind, says the database: signatures may be refused" in line
    postgres_server.drop_database(name)


async def passing(desk: Sending, holds: Callable[[], Awaitable[bool]]) -> None:
    """Let time pass on, ten seconds at each look, until something holds."""
    async with asyncio.timeout(30):
        while not await holds():
            clock_of(desk).pass_by(10)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("step", [HOUR, -YEARS / 10, -HOUR])
async def test_a_clock_that_jumps_and_comes_back_loses_no_alert_and_sends_none_twice(
    desk: Sending, step: float
) -> None:
    async with receiving(Answer(503)) as receiver:
        await desk.add("hook", "webhook", new_secret(), url=receiver.url, allow_http=True)

        async def failures() -> int:
            state = await desk.state("hook")
            return state.failures if state else 0

        async def tried_again() -> bool:
            return await failures() > before

        async def down() -> bool:
            return await failures() >= 3

        async def arrived() -> bool:
            return await desk.states("hook") == {"delivered": 6}

        async with desk.run():
            await desk.raise_alerts(alerts(3), ["hook"])
            await passing(desk, down)
            before = await failures()
            clock_of(desk).set(step)
            await desk.raise_alerts(alerts(3, start=4), ["hook"])
            await passing(desk, tried_again)
            clock_of(desk).set(0)
            receiver.always(Answer(200))
            await passing(desk, arrived)
            assert len(receiver.taken) == 6
    state = await desk.state("hook")
    assert state is not None
    assert state.disabled_at is None


async def test_nothing_expires_by_a_clock_that_receivers_call_wrong(desk: Sending) -> None:
    clock_of(desk).set(-YEARS / 10)
    told_by(desk, 1, -YEARS / 10)
    await desk.add("hook", "null")
    await desk.raise_alerts(alerts(1), ["hook"], at=desk.clock.now() - timedelta(days=365))
    async with desk.run():
        assert await desk.settled("hook") == {"delivered": 2}  # the alert, and the line about the clock


@pytest.mark.parametrize(("told_s", "state"), [(612, "expired"), (7200, "pending")])
async def test_minutes_of_doubt_let_an_alert_expire_and_hours_do_not(desk: Sending, told_s: float, state: str) -> None:
    told_by(desk, 1, told_s)
    await desk.add("off", "null")
    await store(desk.database, DestinationState(destination="off", disabled_at=desk.clock.now()))
    await desk.raise_alerts(alerts(1), ["off"], at=desk.clock.now() - timedelta(hours=73))
    async with desk.run():
        async with asyncio.timeout(30):
            while not await said(desk):
                await asyncio.sleep(0.02)
        (row,) = [row for row in await desk.deliveries("off") if row.alert_id]
        assert row.state == state


async def said(desk: Sending) -> bool:
    """Return whether the first minute is over: what receivers say is then written down."""
    async with desk.database.read() as session:
        return bool(await seen_by_receivers(session))
