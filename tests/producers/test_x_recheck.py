from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.clock import ScaledClock
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.messages import Item, PostType
from app.streams.sqlite_log import SqliteLog
from producers.spool import open_spool
from producers.x import make
from producers.x_reader import XProducer
from producers.x_recheck import EVERY, Recheck
from tests.producers.playing import deleted, open_gaps, playing, setup, source, until
from tests.producers.recording import of_type
from tests.rows import post_row, store
from tests.simulator.fake_x import FakeX, fake_x

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> ScaledClock:
    return ScaledClock(300, getattr(request, "param", START))


@pytest.fixture
async def x(clock: ScaledClock) -> AsyncIterator[FakeX]:
    async with fake_x(clock) as server:
        yield server


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/watchdesk.db"
    await upgrade(url)
    async with open_database(url, role="run") as opened:
        yield opened


def reader(x: FakeX, database: Database, **section: Any) -> XProducer:
    given = setup(x.clock, source("x:ridge"), base_url=x.base_url, bearer_token_env="TOKEN", **section)
    return make(replace(given, database=database, rules=("dam burst",)))


async def kept(x: FakeX, database: Database, handle: str, text: str, **change: Any) -> str:
    """A post on X that the desk has stored."""
    native = x.publish(handle, text)
    seen = {"seen_at": x.clock.now(), "text": text}
    await store(database, post_row(native, author=handle, source=f"x:{handle}", **(seen | change)))
    return native


async def due(log: SqliteLog, x: FakeX) -> None:
    """The last pass was so long ago that the next one is due."""
    state = {"x:recheck": msgspec.json.encode(Recheck(x.clock.now() - EVERY))}
    async with open_spool(log, x.clock) as spool:
        await spool.append([], state=state)


async def test_what_strangers_deleted_or_hid_is_found_within_a_day(
    x: FakeX, log: SqliteLog, database: Database
) -> None:
    gone, hidden, stays = [await kept(x, database, "stranger", f"dam burst {n}") for n in range(3)]
    old = await kept(x, database, "stranger", "dam burst last year", seen_at=START - timedelta(days=8))
    ours = await kept(x, database, "ridge", "ours: its deletion comes by the activity stream")
    for post in x.posts:
        post.deleted, post.protected = post.json["id"] in {gone, old, ours}, post.json["id"] == hidden
    await due(log, x)
    async with playing(reader(x, database), log, x.clock):

        async def found() -> bool:
            return len(await deleted(log)) >= 2

        await until(found)
    assert await deleted(log) == {gone, hidden}
    assert {frozenset(ids) for ids in x.looked_up} == {frozenset({gone, hidden, stays})}
    tombstone = next(i.post for i in await of_type(log, Item) if i.post and i.post.type is PostType.DELETE)
    assert tombstone.source == "x:stranger"


async def test_many_that_are_gone_at_once_are_asked_for_again_before_it_is_believed(
    x: FakeX, log: SqliteLog, database: Database
) -> None:
    natives = [await kept(x, database, "stranger", f"dam burst {n}") for n in range(12)]
    for post in x.posts:
        post.deleted = True
    await due(log, x)
    async with playing(reader(x, database), log, x.clock):

        async def asked() -> bool:
            return bool(x.looked_up)

        await until(asked)
        for post in x.posts[1:]:
            post.deleted = False  # it was a bad hour of X

        async def found() -> bool:
            return await deleted(log) == {natives[0]}

        await until(found)


async def test_an_edit_that_no_rule_brought_is_found(x: FakeX, log: SqliteLog, database: Database) -> None:
    first = await kept(x, database, "stranger", "dam burst upstream")
    newer = x.publish("stranger", "it was a false alarm", edit_history_tweet_ids=[first, "0"])
    for post in x.posts:
        post.json["edit_history_tweet_ids"] = [first, newer]
    await due(log, x)
    async with playing(reader(x, database), log, x.clock):

        async def edited() -> bool:
            return any(item.post and item.post.type is PostType.EDIT for item in await of_type(log, Item))

        await until(edited)
    (edit,) = [item.post for item in await of_type(log, Item) if item.post]
    assert (edit.id, edit.text) == (f"x:{first}", "it was a false alarm")


@pytest.mark.parametrize("clock", [START.replace(hour=23, minute=50)], indirect=True)
async def test_lookups_take_a_share_of_the_ceiling_and_go_on_the_next_day(
    x: FakeX, log: SqliteLog, database: Database
) -> None:
    natives = [await kept(x, database, "stranger", f"dam burst {n}") for n in range(12)]
    for post in x.posts:
        post.deleted = post.json["id"] == natives[0]
    await due(log, x)
    async with playing(reader(x, database, daily_ceiling_usd=0.16), log, x.clock):  # a quarter of it buys eight

        async def found() -> bool:
            return await deleted(log) == {natives[0]}

        await until(found)
        assert x.clock.now().day == 2
    assert next(len(set(ids)) for ids in x.looked_up if natives[0] not in ids) == 8
    assert {native for ids in x.looked_up for native in ids} == set(natives)


async def test_after_a_break_of_the_activity_stream_our_accounts_are_looked_up_and_the_gap_is_closed(
    x: FakeX, log: SqliteLog, database: Database
) -> None:
    ours = await kept(x, database, "ridge", "two blasts near the dam")
    async with playing(reader(x, database), log, x.clock):

        async def listening() -> bool:
            return x.connected("events") >= 1

        await until(listening)
        await x.clock.sleep(120)
        x.down = True
        x.cut()
        await x.clock.sleep(240)
        x.delete(ours)
        x.down = False

        async def found() -> bool:
            return await deleted(log) == {ours} and not await open_gaps(log)

        await until(found)


async def test_the_first_day_is_counted_from_the_first_start_however_often_it_starts(
    x: FakeX, log: SqliteLog, database: Database
) -> None:
    begun = []
    for _ in range(2):
        async with playing(reader(x, database), log, x.clock):

            async def listening() -> bool:
                return x.connected("events") >= 1

            await until(listening)
        async with open_spool(log, x.clock) as spool:
            begun.append(await spool.state("x:recheck"))
    assert begun[0] is not None
    assert begun[0] == begun[1]


async def test_without_days_nothing_is_looked_up(x: FakeX, log: SqliteLog, database: Database) -> None:
    await kept(x, database, "stranger", "dam burst")
    await due(log, x)
    async with playing(reader(x, database, recheck_days=0), log, x.clock):
        await x.clock.sleep(300)
    assert x.looked_up == []
