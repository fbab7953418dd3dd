from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from app.clock import ScaledClock, SystemClock
from app.domain.deliveries import TOPIC
from app.notify.secrets import new_secret
from tests.rows import message
from tests.sending import Sending, sending
from tests.simulator.receiver import Answer, Behaviour, Fault, receiving
from tests.simulator.slack import slack_workspace

SECRET = new_secret()
FAULTS: tuple[Behaviour, ...] = (
    Answer(500),
    Answer(503, b"<html>", {"Retry-After": "90"}),
    Answer(429, b"", {"Retry-After": "45"}),
    Answer(302, b"", {"Location": "http://127.0.0.1/elsewhere"}),
    Fault.REFUSE,
    Fault.CUT,
)


async def outage(desk: Sending, minutes: int) -> int:
    """Raise alerts through an outage, four a minute, and return how many."""
    for minute in range(minutes):
        batch = [message(n, incident=f"i{n % 50}") for n in range(4 * minute, 4 * minute + 4)]
        await desk.raise_alerts(batch, ["down", "slack", "well"])
        await desk.clock.sleep(60)
    return 4 * minutes


@pytest.mark.parametrize("minutes", [8, pytest.param(60, marks=pytest.mark.soak)])
async def test_no_alert_is_lost_in_an_outage_and_a_second_copy_means_a_lost_reply(tmp_path: Path, minutes: int) -> None:
    clock = ScaledClock(60)
    chance = random.Random(7)
    async with (
        sending(tmp_path, clock) as desk,
        receiving(lambda *_: chance.choice(FAULTS), clock=clock) as down,
        receiving(lambda *_: Fault.CUT if chance.random() < 0.1 else Answer()) as well,
        slack_workspace(clock) as slack,
    ):
        await desk.add("down", "webhook", SECRET, url=down.url)
        await desk.add("well", "webhook", SECRET, url=well.url)
        await desk.add("slack", "slack", token_env="SLACK_TOKEN", channel="C1", base_url=slack.base_url)
        async with desk.run(http_clock=SystemClock()):
            slack.receiver.always(Answer(503))
            count = await outage(desk, minutes)
            in_outage = list(down.requests)
            slack.receiver.decide = slack.decide
            down.always(Answer())
            for name in ("down", "well", TOPIC):
                assert await desk.settled(name, seconds=60) == {"delivered": count}
            assert set(await desk.settled("slack", seconds=60)) <= {"delivered", "digested"}
        for receiver, name in ((down, "down"), (well, "well")):
            taken = Counter(request.id for request in receiver.taken)
            assert set(taken) == {row.id for row in await desk.deliveries(name)}
            assert all(request.signed_by(SECRET) for request in receiver.requests)
            lost = sum(request.behaviour is Fault.CUT for request in receiver.requests)
            assert sum(taken.values()) - len(taken) == lost
        probes = [request.at for request in in_outage[3:]]
        assert len(in_outage) <= minutes + 5
        assert all((later - earlier).total_seconds() >= 59 for earlier, later in pairwise(probes))
