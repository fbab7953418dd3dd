from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.clock import ScaledClock
from app.domain.config import SourceConfig
from app.errors import SettingsError
from app.messages import Coverage, Gap, Item, PostType
from app.streams.sqlite_log import SqliteLog
from producers.feeds import FeedsProducer, make, url_of
from tests.producers.playing import ids, open_gaps, playing, setup, source, states, until
from tests.producers.recording import of_type
from tests.simulator.fake_feed import FakeFeed, fake_feed

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
async def wire() -> AsyncIterator[FakeFeed]:
    async with fake_feed(ScaledClock(300, START)) as server:
        yield server


def reader(wire: FakeFeed, **options: object) -> FeedsProducer:
    given = {"url": wire.url, "every_s": 60.0, "allow_internal": True} | options
    return make(setup(wire.clock, source("rss:wire", **given)))


async def has(log: SqliteLog, *keys: str) -> None:
    async def all_there() -> bool:
        return set(keys) <= await ids(log)

    await until(all_there)


async def test_entries_are_taken_in_oldest_first_and_once(wire: FakeFeed, log: SqliteLog) -> None:
    keys = [wire.publish(f"report {n}") for n in range(3)]
    async with playing(reader(wire), log, wire.clock):
        await has(log, *keys)
        keys.append(wire.publish("report 3"))
        await has(log, *keys)
        await wire.clock.sleep(200)
    posts = [item.post for item in await of_type(log, Item) if item.post]
    assert [post.text for post in posts] == [f"report {n}" for n in range(4)]
    assert {post.source for post in posts} == {"rss:wire"}
    assert {status for _, status in wire.looks} == {200, 304}


async def test_a_restart_takes_nothing_in_again_and_leaves_no_gap(wire: FakeFeed, log: SqliteLog) -> None:
    first = wire.publish("before")
    async with playing(reader(wire), log, wire.clock):
        await has(log, first)
    second = wire.publish("while we were away")
    await wire.clock.sleep(1000)
    async with playing(reader(wire), log, wire.clock):
        await has(log, second)
    assert len(await of_type(log, Item)) == 2
    assert await of_type(log, Gap) == []
    spans = sorted((one.start, one.end) for one in await of_type(log, Coverage))
    assert all(later[0] <= earlier[1] for earlier, later in pairwise(spans))


async def test_a_corrected_entry_is_an_edit(wire: FakeFeed, log: SqliteLog) -> None:
    wire.publish("five dead")
    async with playing(reader(wire), log, wire.clock):
        await until(lambda: _items(log, 1))
        wire.entries[0].title = "seven dead"
        await until(lambda: _items(log, 2))
    first, edit = [item.post for item in await of_type(log, Item) if item.post]
    assert (edit.id, edit.type, edit.text) == (first.id, PostType.EDIT, "seven dead")
    assert first.created_at is not None
    assert edit.created_at is not None
    assert edit.created_at > first.created_at


async def _items(log: SqliteLog, count: int) -> bool:
    return len(await of_type(log, Item)) >= count


async def test_a_feed_that_rolled_over_while_we_were_away_is_a_gap(wire: FakeFeed, log: SqliteLog) -> None:
    wire.window = 5
    first = wire.publish("before")
    async with playing(reader(wire), log, wire.clock):
        await has(log, first)
        await wire.clock.sleep(100)
        wire.down = True
        for n in range(20):
            await wire.clock.sleep(30)
            wire.publish(f"during {n}")
        wire.down = False
        await until(lambda: _items(log, 6))
    (gap,) = (await open_gaps(log)).values()
    assert gap.reason == "the feed had rolled over"
    stored = await ids(log)
    for entry in wire.entries:
        assert entry.guid in stored or gap.start <= entry.at <= gap.end + timedelta(seconds=1)


async def test_a_dead_server_is_asked_less_often_and_heard_again(wire: FakeFeed, log: SqliteLog) -> None:
    wire.clock = ScaledClock(600, START)
    async with playing(reader(wire), log, wire.clock):
        await has(log, wire.publish("before"))
        wire.answer = 503
        before = len(wire.looks)
        await wire.clock.sleep(3 * 3600 / 4)
        assert 2 <= len(wire.looks) - before <= 16
        wire.answer = None
        await has(log, wire.publish("after"))
    assert "connecting: the feed answers 503" in await states(log, "rss:wire")
    assert await open_gaps(log) == {}


async def test_a_retry_after_is_honoured(wire: FakeFeed, log: SqliteLog) -> None:
    wire.answer, wire.retry_after = 429, "600"
    async with playing(reader(wire), log, wire.clock):
        await wire.clock.sleep(500)
        assert len(wire.looks) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "refused: 404: there is nothing at this address"), (410, "refused: 410: the feed is gone")],
)
async def test_a_feed_that_is_not_there_is_said_once(wire: FakeFeed, log: SqliteLog, status: int, said: str) -> None:
    wire.answer, wire.clock = status, ScaledClock(600, START)
    async with playing(reader(wire), log, wire.clock):
        await wire.clock.sleep(3000)
    assert await states(log, "rss:wire") == ["connecting: ", said]
    assert len(wire.looks) <= 4


@pytest.mark.parametrize("body", [b"<html>moved</html>", b"", b"\xff" * 1000, b"x" * 5_000_000])
async def test_what_is_no_feed_is_said_and_asked_again(wire: FakeFeed, log: SqliteLog, body: bytes) -> None:
    wire.body = body
    async with playing(reader(wire), log, wire.clock):
        await until(lambda: _said(log))
        wire.body = None
        await has(log, wire.publish("a feed again"))


async def _said(log: SqliteLog) -> bool:
    return any("feed" in line for line in await states(log, "rss:wire"))


async def test_an_address_inside_is_refused_unless_the_source_says_that_it_is_meant(
    wire: FakeFeed, log: SqliteLog
) -> None:
    async with playing(reader(wire, allow_internal=False), log, wire.clock):

        async def refused() -> bool:
            told = await states(log, "rss:wire")
            return any("resolves to a private" in line and line.endswith("allow_internal = true") for line in told)

        await until(refused)
    assert wire.looks == []


async def test_one_dead_feed_does_not_hold_up_another(wire: FakeFeed, log: SqliteLog) -> None:
    dead = source("rss:dead", url="http://127.0.0.1:9/", allow_internal=True)
    alive = source("rss:wire", url=wire.url, allow_internal=True)
    async with playing(make(setup(wire.clock, dead, alive)), log, wire.clock):
        await has(log, wire.publish("here"))


def test_a_youtube_channel_needs_no_address() -> None:
    assert url_of(SourceConfig(id="youtube:UC123")) == "https://www.youtube.com/feeds/videos.xml?channel_id=UC123"
    with pytest.raises(SettingsError):
        url_of(SourceConfig(id="rss:wire"))
