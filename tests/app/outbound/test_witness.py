from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.outbound.client import Ask, OutboundClient
from app.outbound.targets import policy_of
from app.outbound.witness import HOSTS, ClockWitness
from tests.parts.set_clock import SetClock
from tests.simulator.receiver import Answer, receiving

LOOPBACK = policy_of(["127.0.0.1"])


def dated(ahead_s: float) -> Answer:
    """Return a reply of a machine whose clock is right, to us whose clock is `ahead_s` ahead."""
    moment = datetime.now(UTC) - timedelta(seconds=ahead_s)
    return Answer(200, b"ok", {"Date": format_datetime(moment, usegmt=True)})


def tell(witness: ClockWitness, host: str, clock: SetClock, ahead_s: float) -> None:
    now = clock.now()
    witness.hear(host, dict(dated(ahead_s).headers), now, now)


@pytest.mark.parametrize("ahead_s", [612.0, -612.0, 0.0])
async def test_a_reply_tells_how_far_our_clock_is_off(ahead_s: float) -> None:
    clock = SetClock()
    witness = ClockWitness(clock)
    async with receiving() as receiver:
        receiver.decide = lambda _path, _headers, _body: dated(ahead_s)
        client = OutboundClient(LOOPBACK, clock=clock, witness=witness)
        assert witness.seen() is None
        await client.request("POST", receiver.url, Ask(body=b"{}"))
    seen = witness.seen()
    assert seen is not None
    assert (round(seen.offset_s / 10), seen.hosts) == (round(ahead_s / 10), 1)


async def test_a_reply_without_a_date_or_out_of_a_cache_says_nothing() -> None:
    clock = SetClock()
    witness = ClockWitness(clock)
    async with receiving() as receiver:
        client = OutboundClient(LOOPBACK, clock=clock, witness=witness)
        await client.request("POST", receiver.url)
        cached = Answer(200, b"ok", {**dated(612).headers, "Age": "612"})
        receiver.decide = lambda _path, _headers, _body: cached
        await client.request("POST", receiver.url)
    assert witness.seen() is None


def test_a_clock_that_is_set_right_is_right_at_once() -> None:
    clock = SetClock()
    witness = ClockWitness(clock)
    tell(witness, "hooks.example", clock, 612)
    clock.set(-612)
    seen = witness.seen()
    assert seen is not None
    assert abs(seen.offset_s) < 3
    clock.set(-612 - 300)
    seen = witness.seen()
    assert seen is not None
    assert -303 < seen.offset_s < -297


def test_the_last_word_of_each_host_counts_and_only_for_an_hour() -> None:
    clock = SetClock()
    witness = ClockWitness(clock)
    tell(witness, "a.example", clock, 100)
    tell(witness, "a.example", clock, 612)
    tell(witness, "b.example", clock, 612)
    tell(witness, "c.example", clock, 0)
    seen = witness.seen()
    assert seen is not None
    assert (round(seen.offset_s / 10), seen.hosts) == (61, 3)
    clock.pass_by(3599)
    assert witness.seen() is not None
    clock.pass_by(2)
    assert witness.seen() is None


def test_what_is_remembered_is_bounded() -> None:
    clock = SetClock()
    witness = ClockWitness(clock)
    for number in range(HOSTS + 50):
        tell(witness, f"h{number}.example", clock, 0)
    seen = witness.seen()
    assert seen is not None
    assert seen.hosts == HOSTS
