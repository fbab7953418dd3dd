from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from app.clock import ScaledClock
from app.db.migrate import upgrade
from app.db.session import open_database
from app.errors import SettingsError
from app.messages import Coverage, Gap, Item, PostType
from app.streams.sqlite_log import SqliteLog
from producers.bluesky import BlueskyProducer, make
from producers.jetstream import address_of
from tests.producers.playing import deleted, ids, open_gaps, playing, setup, source, states, until
from tests.producers.recording import of_type
from tests.rows import post_row, store
from tests.simulator.fake_jetstream import FakeJetstream, fake_jetstream

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
RIDGE = "did:plc:ridge"


@pytest.fixture(params=[True, False], ids=["first form", "second form"])
async def jetstream(request: pytest.FixtureRequest) -> AsyncIterator[FakeJetstream]:
    async with fake_jetstream(ScaledClock(300, START), first_form=request.param) as server:
        server.handles["ridge.example"] = RIDGE
        yield server


def reader(*hosts: FakeJetstream, words: frozenset[str] = frozenset()) -> BlueskyProducer:
    given = setup(
        hosts[0].clock,
        source("bluesky:ridge.example"),
        hosts=[host.host for host in hosts],
        api_url=f"http://{hosts[0].origin}",
        words=bool(words),
    )
    return make(replace(given, words=words))


async def live(server: FakeJetstream) -> None:
    async def connected() -> bool:
        return server.connected > 0

    await until(connected)


async def has(log: SqliteLog, *uris: str) -> None:
    async def all_there() -> bool:
        return set(uris) <= await ids(log)

    await until(all_there)


async def test_posts_edits_and_deletions_of_an_account_are_taken_in(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        reply = {"parent": {"uri": "at://did:plc:else/app.bsky.feed.post/1"}}
        uri = jetstream.publish(RIDGE, "smoke over the port", "3k1", reply=reply)
        jetstream.publish("did:plc:stranger", "smoke too", "3k2")
        jetstream.publish(RIDGE, "smoke over the old port", "3k1", "update")
        jetstream.publish(RIDGE, "", "3k1", "delete")

        async def gone() -> bool:
            return await deleted(log) == {uri}

        await until(gone)
    posts = [item.post for item in await of_type(log, Item) if item.post]
    assert [(post.type, post.text) for post in posts] == [
        (PostType.POST, "smoke over the port"),
        (PostType.EDIT, "smoke over the old port"),
        (PostType.DELETE, ""),
    ]
    assert {post.source for post in posts} == {"bluesky:ridge.example"}
    assert posts[0].id == f"bluesky:{uri}"
    assert posts[0].reply_to == "bluesky:at://did:plc:else/app.bsky.feed.post/1"
    assert posts[0].url == f"https://bsky.app/profile/{RIDGE}/post/3k1"


@pytest.mark.parametrize("seconds", [3, 180, 3 * 3600])
async def test_after_a_dead_line_it_reads_on_where_it_was_and_there_is_no_gap(
    jetstream: FakeJetstream, log: SqliteLog, seconds: float
) -> None:
    jetstream.clock = ScaledClock(300 if seconds < 1000 else 3000, START)
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        await has(log, jetstream.publish(RIDGE, "before", "a"))
        jetstream.down = True
        jetstream.cut()
        missed = []
        for n in range(10):
            await jetstream.clock.sleep(seconds / 10)
            missed.append(jetstream.publish(RIDGE, f"during {n}", f"d{n}"))
        jetstream.down = False
        await has(log, *missed)
    assert await of_type(log, Gap) == []
    items = [item.post.id for item in await of_type(log, Item) if item.post]
    assert len(items) == len(set(items)) == 11


async def test_a_restart_reads_on_from_the_stored_place(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        await has(log, jetstream.publish(RIDGE, "before", "a"))
    missed = jetstream.publish(RIDGE, "while we were away", "b")
    await jetstream.clock.sleep(100)
    async with playing(reader(jetstream), log, jetstream.clock):
        await has(log, missed)
    assert await of_type(log, Gap) == []


async def test_longer_away_than_a_host_looks_back_is_a_gap(jetstream: FakeJetstream, log: SqliteLog) -> None:
    jetstream.clock = ScaledClock(3000, START)
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        await has(log, jetstream.publish(RIDGE, "before", "a"))
        await jetstream.clock.sleep(100)
    jetstream.clock = ScaledClock(3000, START + timedelta(hours=40))
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        await has(log, jetstream.publish(RIDGE, "after", "b"))
    (gap,) = (await open_gaps(log)).values()
    assert timedelta(hours=3) < gap.end - gap.start < timedelta(hours=5)


async def test_another_host_is_asked_when_one_is_down_and_nothing_is_lost_or_doubled(log: SqliteLog) -> None:
    clock = ScaledClock(300, START)
    async with fake_jetstream(clock) as one, fake_jetstream(clock, first_form=False) as two:
        one.handles["ridge.example"] = RIDGE
        two.skew = timedelta(seconds=20)
        async with playing(reader(one, two), log, clock):
            await live(one)
            for server in (one, two):
                server.publish(RIDGE, "seen by both", "a")
            await until(lambda: _count(log, 1))
            one.refuse = 503
            one.cut()
            missed = two.publish(RIDGE, "seen by the second", "b")
            await has(log, missed)
            await live(two)
    assert len(await of_type(log, Item)) <= 3  # the post that both saw may come once more: ids absorb it
    assert await of_type(log, Gap) == []


async def _count(log: SqliteLog, count: int) -> bool:
    return len(await of_type(log, Item)) >= count


async def test_a_quiet_account_is_covered_by_answered_pings(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)

        async def covered() -> bool:
            return len(await of_type(log, Coverage)) >= 4

        await until(covered)
    spans = sorted((one.start, one.end) for one in await of_type(log, Coverage))
    assert all(later[0] == earlier[1] for earlier, later in pairwise(spans))


async def test_a_silent_host_is_left_within_35_seconds(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        jetstream.silent = True
        before = jetstream.clock.monotonic()
        missed = jetstream.publish(RIDGE, "nobody hears this", "a")

        async def again() -> bool:
            return len(jetstream.connects) >= 2

        await until(again)
        assert jetstream.clock.monotonic() - before < 80
        jetstream.silent = False
        await has(log, missed)


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"did":1}', b'{"$type":"message","payload":{}}', b"null", b'{"a":' * 5000]
)
async def test_no_frame_ends_the_reading(jetstream: FakeJetstream, log: SqliteLog, junk: bytes) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        jetstream.send(junk)
        await has(log, jetstream.publish(RIDGE, "still here", "a"))
        assert len(jetstream.connects) == 1


async def test_a_terminal_error_of_the_host_is_said(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        jetstream.send(b'{"$type":"error","error":"ConsumerTooSlow","message":"read faster"}')

        async def said() -> bool:
            return "connecting: Jetstream: ConsumerTooSlow read faster" in await states(log, "bluesky:ridge.example")

        await until(said)


async def test_words_of_a_watch_are_found_in_posts_of_strangers(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream, words=frozenset({"idlib", "قصف"})), log, jetstream.clock):
        await live(jetstream)
        one = jetstream.publish("did:plc:s1", "#Idlib under fire", "a")
        jetstream.publish("did:plc:s2", "breakfast", "b")
        two = jetstream.publish("did:plc:s3", "قَصْف على المدينة", "c")
        jetstream.publish("did:plc:s1", "", "a", "delete")
        await has(log, one, two)
        await until(lambda: _count(log, 3))
    assert await ids(log) == {one, two}
    assert await deleted(log) == {one}
    assert "wantedDids" not in jetstream.queries[0]
    assert "dids" not in jetstream.queries[0]


async def test_a_deletion_of_a_stranger_is_honoured_after_a_restart(
    jetstream: FakeJetstream, log: SqliteLog, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/watchdesk.db"
    await upgrade(url)
    uri = "at://did:plc:s1/app.bsky.feed.post/a"
    async with open_database(url, role="run") as database:
        seen = {"platform": "bluesky", "source": "bluesky:did:plc:s1", "seen_at": START}
        await store(database, post_row("1", id=f"bluesky:{uri}", given_id=uri, **seen))
        given = setup(jetstream.clock, hosts=[jetstream.host], api_url=f"http://{jetstream.origin}", words=True)
        producer = make(replace(given, words=frozenset({"idlib"}), database=database))
        async with playing(producer, log, jetstream.clock):
            await live(jetstream)
            jetstream.publish("did:plc:s2", "", "a", "delete")
            jetstream.publish("did:plc:s1", "", "a", "delete")
            await until(lambda: _count(log, 1))
    assert await deleted(log) == {uri}


async def test_what_becomes_of_an_account_is_said(jetstream: FakeJetstream, log: SqliteLog) -> None:
    async with playing(reader(jetstream), log, jetstream.clock):
        await live(jetstream)
        jetstream.account(RIDGE, active=False, status="deactivated")

        async def said() -> bool:
            return "stopped: the account is deactivated" in await states(log, "bluesky:ridge.example")

        await until(said)


async def test_an_unknown_handle_is_said_and_does_not_stop_the_others(jetstream: FakeJetstream, log: SqliteLog) -> None:
    given = setup(
        jetstream.clock,
        source("bluesky:nobody.example"),
        source("bluesky:valley", did="did:plc:valley"),
        hosts=[jetstream.host],
        api_url=f"http://{jetstream.origin}",
    )
    async with playing(make(given), log, jetstream.clock):
        await live(jetstream)
        await has(log, jetstream.publish("did:plc:valley", "here", "a"))
    assert (await states(log, "bluesky:nobody.example"))[-1] == "refused: no account has this handle"


def test_hosts_are_asked_over_tls_in_the_form_that_they_speak() -> None:
    assert address_of("jetstream2.us-east.bsky.network") == ("wss://jetstream2.us-east.bsky.network/subscribe", True)
    second = "/xrpc/network.bsky.jetstream.subscribeEvents"
    assert address_of("jetstream.us-east.bsky.network") == (f"wss://jetstream.us-east.bsky.network{second}", False)
    assert address_of("wss://js.example.org/subscribe?x=1") == ("wss://js.example.org/subscribe", True)
    for wrong in ("ws://js.example.org/subscribe", "http://127.0.0.1/", "ws://["):
        with pytest.raises(SettingsError):
            address_of(wrong)
