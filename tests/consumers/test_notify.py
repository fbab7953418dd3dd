from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.clock import ScaledClock, SystemClock
from app.db import destinations
from app.db.config import retire
from app.domain.deliveries import TOPIC
from app.notify.secrets import new_secret
from app.streams.topics import ALERTS
from tests.parts.postgres import PostgresServer
from tests.rows import incident_row, member_row, message, place, post_row, store, view
from tests.sending import Sending, alerts, in_minutes, sending
from tests.simulator.receiver import Answer, Fault, read_request, receiving
from tests.simulator.slack import slack_workspace

SECRET = new_secret()
MINUTE = 60.0


async def test_every_alert_reaches_its_receiver_and_topic_alerts_once(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run():
            await desk.raise_alerts(alerts(30), ["hook"])
            assert await desk.settled("hook") == {"delivered": 30}
            assert await desk.settled(TOPIC) == {"delivered": 30}
        assert Counter(request.id for request in receiver.requests) == Counter(
            row.id for row in await desk.deliveries("hook")
        )
        assert all(request.signed_by(SECRET) for request in receiver.requests)
        async with desk.memory.reader(ALERTS.name, "test") as reader:
            records = await reader.read(100)
        assert {record.key for record in records} == {f"i{number}" for number in range(1, 31)}
        assert {attempt.outcome for attempt in await desk.attempts()} == {"delivered"}


async def test_what_a_destination_lacks_stands_beside_it_until_it_has_it(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await desk.add("hook", "webhook", url="https://hook.example/")
        async with desk.run():
            assert "has no signing secret" in await said(desk, unusable=True)
            async with desk.database.write() as writing:
                await destinations.rotate_secret(writing, "hook", desk.box.seal(SECRET), desk.clock.now())
            assert await said(desk, unusable=False) == ""


async def said(desk: Sending, *, unusable: bool) -> str:
    """Wait until the destination can, or cannot, be used; return why not."""
    async with asyncio.timeout(30):
        while True:
            async with desk.database.read() as session:
                state = await destinations.state_of(session, "hook")
            if destinations.cannot_be_used(state) is unusable:
                return state.detail
            await asyncio.sleep(0.05)


async def test_duplicates_are_exactly_the_replies_that_were_lost_and_have_the_same_id(tmp_path: Path) -> None:
    turn = iter(range(10_000))
    async with (
        sending(tmp_path, ScaledClock(20)) as desk,
        receiving(lambda *_: Fault.CUT if next(turn) % 5 == 0 else Answer()) as receiver,
    ):
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run(http_clock=SystemClock()):
            await desk.raise_alerts(alerts(60), ["hook"])
            assert await desk.settled("hook") == {"delivered": 60}
        lost = sum(request.behaviour is Fault.CUT for request in receiver.requests)
        ids = Counter(request.id for request in receiver.taken)
        assert lost > 5
        assert set(ids) == {row.id for row in await desk.deliveries("hook")}
        assert sum(ids.values()) - len(ids) == lost


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'senders.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(f"t_{uuid4().hex}")


async def test_two_senders_share_the_work_and_send_nothing_twice(tmp_path: Path, empty_url: str) -> None:
    clock = SystemClock()
    async with (
        sending(tmp_path, clock, empty_url) as desk,
        receiving() as receiver,
        slack_workspace(ScaledClock(10)) as slack,
    ):
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        await slack_desk(desk, slack.base_url)
        async with desk.run(senders=2):
            for start in range(1, 81, 20):
                await desk.raise_alerts(alerts(20, start), ["hook"])
            await desk.raise_alerts(alerts(2, 200), ["slack"])
            assert await desk.settled("hook") == {"delivered": 80}
            assert await desk.settled("slack") == {"delivered": 2}
        assert len(receiver.requests) == 80
        assert len(slack.top) == 2


@pytest.mark.postgres
async def test_a_database_that_goes_away_under_way_costs_no_alert_and_repeats_none(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    url = postgres_server.create_database(f"t_{uuid4().hex}")
    async with sending(tmp_path, SystemClock(), url) as desk, receiving() as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        await desk.raise_alerts(alerts(60), ["hook"])
        async with desk.run():
            await receiver.until(lambda: len(receiver.requests) >= 8)
            await asyncio.to_thread(postgres_server.stop, "immediate")
            try:
                await asyncio.sleep(1.5)  # it is away for a while: there is no condition to wait for
            finally:
                await asyncio.to_thread(postgres_server.start)
            assert await desk.settled("hook", seconds=60) == {"delivered": 60}
        assert len(receiver.requests) == 60


async def test_a_receiver_that_is_down_gets_one_probe_a_minute_and_then_the_fresh_alerts_first(
    tmp_path: Path,
) -> None:
    clock = ScaledClock(30)
    async with sending(tmp_path, clock) as desk, receiving(Answer(500), clock=clock) as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run(http_clock=SystemClock()):
            await desk.raise_alerts(alerts(5), ["hook"])
            await receiver.until(lambda: len(receiver.requests) == 7)
            gaps = [
                (later.at - earlier.at).total_seconds()
                for earlier, later in zip(receiver.requests[3:], receiver.requests[4:], strict=False)
            ]
            assert all(59 <= gap <= 75 for gap in gaps)  # the poll and the machine add to the minute
            await desk.raise_alerts(alerts(1, 100), ["hook"])
            receiver.always(Answer())
            assert await desk.settled("hook") == {"delivered": 6}
        taken = receiver.taken
        assert taken[1].json()["data"]["alert"]["id"] == "a100" or taken[0].json()["data"]["alert"]["id"] == "a100"
        fresh = next(request for request in taken if request.json()["data"]["alert"]["id"] == "a100")
        assert (fresh.at - taken[0].at).total_seconds() <= 5


async def test_no_request_goes_out_before_the_time_that_the_receiver_asked_for(tmp_path: Path) -> None:
    clock = ScaledClock(60)
    async with sending(tmp_path, clock) as desk, receiving(clock=clock) as receiver:
        receiver.always(Answer(429, b"", {"Retry-After": "300"}))
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run(http_clock=SystemClock()):
            await desk.raise_alerts(alerts(1), ["hook"])
            await receiver.until(lambda: len(receiver.requests) == 1)
            receiver.always(Answer())
            await desk.raise_alerts(alerts(3, 10), ["hook"])
            assert await desk.settled("hook") == {"delivered": 4}
        first, second = receiver.requests[:2]
        assert second.at - first.at >= timedelta(seconds=300)


async def test_a_receiver_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk, receiving(Fault.HANG) as slow, receiving() as quick:
        await desk.add("slow", "webhook", SECRET, url=slow.url)
        await desk.add("quick", "webhook", SECRET, url=quick.url)
        async with desk.run():
            await desk.raise_alerts(alerts(20), ["slow", "quick"])
            assert await desk.settled("quick", seconds=8) == {"delivered": 20}
            assert await desk.states("slow") == {"pending": 20}


async def test_a_receiver_that_is_gone_is_switched_off_and_the_others_are_told(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving(Answer(410)) as gone, receiving() as other:
        await desk.add("gone", "webhook", SECRET, url=gone.url)
        await desk.add("other", "webhook", SECRET, url=other.url)
        async with desk.run(http_clock=SystemClock()):
            await desk.raise_alerts(alerts(1), ["gone"])
            await other.until(lambda: len(other.requests) == 1)
            assert other.requests[0].json()["type"] == "system.notice"
            assert "'gone': switched off: HTTP 410" in other.requests[0].json()["data"]["text"]
            state = await desk.state("gone")
            assert state is not None
            assert state.disabled_at is not None
            await desk.raise_alerts(alerts(1, 10), ["gone", "other"])
            await other.until(lambda: len(other.requests) == 2)
            assert await desk.states("gone") == {"pending": 2}
            gone.always(Answer())
            async with desk.database.write() as writing:
                assert await destinations.enable(writing, "gone")
            assert await desk.settled("gone") == {"delivered": 2}


async def test_what_waited_for_72_hours_expires_with_an_alarm(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as receiver:
        await desk.add("old", "slack", url_env="NOT_SET")
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        await desk.raise_alerts(alerts(3), ["old"], at=desk.clock.now() - timedelta(hours=73))
        async with desk.run():
            await receiver.until(lambda: len(receiver.requests) == 2)
        assert {row.state for row in await desk.deliveries("old") if row.alert_id} == {"expired"}
        said = {request.json()["data"]["text"] for request in receiver.requests}
        assert "destination 'old': 3 alerts expired undelivered after 72 h" in said


async def test_alerts_for_a_destination_that_is_not_there_are_cancelled_with_the_reason(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk:
        await desk.raise_alerts(alerts(2), ["nowhere"])
        async with desk.run():
            assert await desk.settled("nowhere") == {"cancelled": 2}
        assert {row.detail for row in await desk.deliveries("nowhere")} == {"there is no such destination"}


async def test_what_waits_for_a_destination_that_was_deleted_is_cancelled(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving(Answer(503)) as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run():
            await desk.raise_alerts(alerts(2), ["hook"])
            await receiver.until(lambda: bool(receiver.requests))
            async with desk.database.write() as writing:
                found = await destinations.get(writing.session, "hook")
                assert found is not None
                await retire(writing, found.destination, desk.clock.now())
            assert await desk.settled("hook") == {"cancelled": 2}
        assert {row.detail for row in await desk.deliveries("hook")} == {"destination deleted"}


async def test_a_sender_that_is_stopped_lets_arrive_what_is_on_its_way(tmp_path: Path) -> None:
    answer = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        came.set()
        await answer.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    came = asyncio.Event()
    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with sending(tmp_path, SystemClock()) as desk:
        await desk.add("hook", "webhook", SECRET, url=f"http://127.0.0.1:{port}/")
        await desk.raise_alerts(alerts(9), ["hook"])
        running = asyncio.ensure_future(desk.sender().run())
        await asyncio.wait_for(came.wait(), 10)
        running.cancel()
        asyncio.get_running_loop().call_later(0.3, answer.set)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await desk.states("hook") == {"delivered": 4, "pending": 5}  # four at a time were under way
    server.close()
    await server.wait_closed()


async def test_a_destination_that_cannot_be_used_says_why_and_keeps_what_waits(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as receiver:
        await desk.add("hook", "webhook", url=receiver.url)
        await desk.raise_alerts(alerts(1), ["hook"])
        async with desk.run():
            assert await desk.settled(TOPIC) == {"delivered": 1}
            state = await desk.state("hook")
            assert state is not None
            assert "destination rotate hook" in state.detail
            async with desk.database.write() as writing:
                await destinations.rotate_secret(writing, "hook", desk.box.seal(SECRET), desk.clock.now())
            assert await desk.settled("hook") == {"delivered": 1}
        assert receiver.requests[0].signed_by(SECRET)


async def test_what_is_below_the_minimum_level_is_cancelled_until_the_incident_was_told(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url, minimum_level="likely")
        async with desk.run():
            for step, level in (("first", "reported"), ("promoted", "likely"), ("corrected", "reported")):
                await desk.raise_alerts([message(1, id=step, step=step, level=level)], ["hook"])
                await desk.settled("hook")
        assert [row.state for row in await desk.deliveries("hook")] == ["cancelled", "delivered", "delivered"]


async def test_what_was_withdrawn_before_it_was_sent_is_cancelled_and_nobody_is_alarmed(tmp_path: Path) -> None:
    clock = ScaledClock(10)
    async with sending(tmp_path, clock) as desk, slack_workspace(clock) as slack, receiving() as receiver:
        await slack_desk(desk, slack.base_url)
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        both = [message(1, id="f"), message(1, id="w", step="withdrawn")]
        await desk.raise_alerts(both, ["slack", "hook"])
        async with desk.run():
            assert await desk.settled("slack") == {"cancelled": 2}
            assert await desk.settled("hook") == {"delivered": 2}  # a machine gets every alert, in order
        assert slack.top == []
        assert [request.json()["type"] for request in receiver.requests] == ["alert.first", "alert.withdrawn"]


async def test_an_exercise_goes_to_people_and_not_to_the_topic(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as receiver:
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run():
            await desk.raise_alerts(alerts(1), ["hook"], exercise=True)
            assert await desk.settled("hook") == {"delivered": 1}
        assert receiver.requests[0].json()["data"]["test"] is True
        assert await desk.states(TOPIC) == {}


async def test_an_alert_that_cannot_be_put_together_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(at: object, now: object) -> str:
        del at, now
        raise ZeroDivisionError

    monkeypatch.setattr("app.notify.words.moment", broken)
    clock = ScaledClock(10)
    async with sending(tmp_path, clock) as desk, slack_workspace(clock) as slack, receiving() as receiver:
        await desk.add("slack", "slack", token_env="SLACK_TOKEN", channel="C1", base_url=slack.base_url)
        await desk.add("hook", "webhook", SECRET, url=receiver.url)
        async with desk.run():
            await desk.raise_alerts(alerts(3), ["slack", "hook"])
            assert await desk.settled("hook") == {"delivered": 3}
            assert (await desk.states("slack")) == {"pending": 3}
            monkeypatch.undo()
            assert await desk.settled("slack") == {"delivered": 3}
        failed = {attempt.detail for attempt in await desk.attempts() if attempt.outcome == "failed"}
        assert failed == {"bug: ZeroDivisionError"}


async def slack_desk(desk: Sending, base_url: str) -> None:
    await desk.add("slack", "slack", token_env="SLACK_TOKEN", channel="C1", base_url=base_url)


async def test_an_incident_has_one_live_message_in_slack(tmp_path: Path) -> None:
    clock = ScaledClock(20)
    async with sending(tmp_path, clock) as desk, slack_workspace(clock) as slack:
        await slack_desk(desk, slack.base_url)
        async with desk.run(http_clock=None):
            for number, step in enumerate(("first", "updated", "updated", "promoted", "updated", "withdrawn")):
                await desk.raise_alerts([message(1, id=f"{step}{number}", step=step)], ["slack"])
                assert set(await desk.settled("slack")) == {"delivered"}
        assert len(slack.top) == 3  # first, promoted, withdrawn; the updates are edits and replies
        assert [shown.edits for shown in slack.top] == [3, 2, 0]
        assert "WITHDRAWN" in slack.top[-1].blocks[0]["text"]["text"]


async def test_a_storm_on_one_incident_is_a_few_messages_that_carry_all(tmp_path: Path) -> None:
    clock = ScaledClock(20)
    async with sending(tmp_path, clock) as desk, slack_workspace(clock) as slack:
        await slack_desk(desk, slack.base_url)
        async with desk.run():
            storm = [message(1, id=f"s{n}", step="updated" if n else "first") for n in range(1000)]
            for start in range(0, 1000, 100):
                await desk.raise_alerts(storm[start : start + 100], ["slack"])
            states = await desk.settled("slack")
        assert sum(states.values()) == 1000
        assert states["delivered"] <= 12
        assert slack.limited == 0
        assert len(slack.top) == 1


async def test_a_backlog_of_1800_alerts_is_out_within_a_minute(tmp_path: Path) -> None:
    clock = ScaledClock(6)
    async with sending(tmp_path, clock) as desk, slack_workspace(clock) as slack:
        await slack_desk(desk, slack.base_url)
        await desk.raise_alerts(alerts(1800), ["slack"], at=clock.now() - in_minutes(60))
        begun = clock.monotonic()
        async with desk.run():
            await desk.raise_alerts(alerts(1, 9000, level="confirmed"), ["slack"])
            states = await desk.settled("slack", seconds=60)
            taken = clock.monotonic() - begun
        assert states == {"digested": 1800, "delivered": 1}
        assert "CONFIRMED" in slack.top[0].text  # the fresh one went first
        assert taken <= MINUTE
        assert slack.limited == 0


async def test_rights_and_mode_keep_the_text_of_posts_in_the_house(tmp_path: Path) -> None:
    async with sending(tmp_path, ScaledClock(10)) as desk, receiving() as full, receiving() as reference:
        await desk.add("full", "webhook", SECRET, url=full.url)
        await desk.add("reference", "webhook", SECRET, url=reference.url, mode="reference")

        await store(desk.database, incident_row(1), post_row("1", url="https://x.example/1"), member_row("i1", "1"))
        async with desk.run():
            incident = view(1, place=place(name="Town"))
            await desk.raise_alerts(alerts(1), ["full", "reference"], incidents={"i1": incident})
            await desk.settled("full")
            await desk.settled("reference")
        assert full.requests[0].json()["data"]["post"]["text"] == "Jets over the town"
        kept = reference.requests[0].json()["data"]["post"]
        assert (kept["text"], kept["url"]) == (None, "https://x.example/1")
