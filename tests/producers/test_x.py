from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.clock import ScaledClock
from app.domain.config import SourceConfig
from app.errors import Reason, SettingsError
from app.messages import Coverage, Item, PostType, SourceState
from app.streams.sqlite_log import SqliteLog
from producers.x import checked_base_url, make
from producers.x_reader import XProducer
from tests.producers.playing import deleted, ids, open_gaps, playing, setup, source, states, until
from tests.producers.recording import of_type
from tests.simulator.fake_x import FakeX, fake_x

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> ScaledClock:
    """A clock 300 times as fast as ours, or as the test asks for: (factor, start)."""
    return ScaledClock(*getattr(request, "param", (300, START)))


FASTER = pytest.mark.parametrize("clock", [(3000, START)], indirect=True)


@pytest.fixture
async def x(clock: ScaledClock) -> AsyncIterator[FakeX]:
    async with fake_x(clock) as server:
        yield server


def reader(x: FakeX, *sources: SourceConfig, **section: object) -> XProducer:
    return make(
        setup(
            x.clock,
            *(sources or (source("x:Ridge"), source("x:valley"))),
            base_url=x.base_url,
            bearer_token_env="TOKEN",
            **section,
        )
    )


async def live(x: FakeX, count: int = 1, stream: str = "posts") -> None:
    async def connected() -> bool:
        return x.connected(stream) >= count

    await until(connected)


async def has(log: SqliteLog, *natives: str) -> None:
    async def all_there() -> bool:
        return set(natives) <= await ids(log)

    await until(all_there)


async def test_posts_of_the_accounts_are_taken_in_under_their_sources(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        assert {rule["value"] for rule in x.rules.values()} == {"from:Ridge OR from:valley"}
        native = x.publish("ridge", "two blasts near the dam")
        await has(log, native)
    (item,) = await of_type(log, Item)
    assert item.post is not None
    assert (item.source, item.post.source, item.post.author_name) == ("x:Ridge", "x:Ridge", "Ridge")
    assert item.post.url == f"https://x.com/ridge/status/{native}"
    assert not item.marks.gapfill


async def test_an_edit_has_the_id_of_the_first_version(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        first = x.publish("ridge", "two blasts")
        x.publish("ridge", "three blasts", edit_history_tweet_ids=[first, "later"])
        await until(lambda: _items(log, 2))
    _, edit = [item.post for item in await of_type(log, Item)]
    assert edit is not None
    assert (edit.id, edit.type, edit.text) == (f"x:{first}", PostType.EDIT, "three blasts")


async def _items(log: SqliteLog, count: int) -> bool:
    return len(await of_type(log, Item)) >= count


async def test_activity_brings_posts_of_its_accounts_and_deletions_of_all(x: FakeX, log: SqliteLog) -> None:
    producer = reader(x, source("x:ridge"), source("x:valley", via="activity"))
    async with playing(producer, log, x.clock):
        await live(x)
        await live(x, stream="events")
        assert {rule["value"] for rule in x.rules.values()} == {"from:ridge"}
        one, two = x.publish("ridge", "by rule"), x.publish("valley", "by activity")
        await has(log, one, two)
        x.delete(one)
        x.delete(two)

        async def both_deleted() -> bool:
            return await deleted(log) == {one, two}

        await until(both_deleted)
    items = [item.post for item in await of_type(log, Item)]
    assert len(items) == 4  # nothing came twice: it would be paid twice
    assert {post.source for post in items if post} == {"x:ridge", "x:valley"}


async def test_a_deletion_that_names_a_later_version_deletes_the_first_also_after_a_restart(
    x: FakeX, log: SqliteLog
) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        first = x.publish("ridge", "two blasts")
        edit = x.publish("ridge", "three blasts", edit_of=first)
        await until(lambda: _edited(log))

    async def nobody_listens() -> bool:
        return x.connected("events") == 0

    await until(nobody_listens)
    async with playing(reader(x), log, x.clock):
        await live(x, stream="events")
        x.delete(edit)

        async def gone() -> bool:
            return first in await deleted(log)

        await until(gone)


async def _edited(log: SqliteLog) -> bool:
    return any(item.post and item.post.type is PostType.EDIT for item in await of_type(log, Item))


async def test_rules_of_others_are_left_alone_and_a_second_start_changes_nothing(x: FakeX, log: SqliteLog) -> None:
    x.rules["7"] = {"id": "7", "value": "cats", "tag": "somebody"}
    x.rules["8"] = {"id": "8", "value": "from:gone", "tag": "wd:accounts:0000"}
    for _ in range(2):
        async with playing(reader(x), log, x.clock):
            await live(x)
    assert sorted(rule["value"] for rule in x.rules.values()) == ["cats", "from:Ridge OR from:valley"]
    changes = [request for request in x.requests if request == "POST /2/tweets/search/stream/rules"]
    assert len(changes) == 3  # dry run, addition, deletion


async def test_a_rule_that_x_refuses_does_not_keep_the_others_out(x: FakeX, log: SqliteLog) -> None:
    x.bad_rules = frozenset({"sample:101"})
    async with playing(reader(x, extra_rules=("sample:101", "dam burst")), log, x.clock):
        await live(x)
        assert sorted(rule["value"] for rule in x.rules.values()) == ["dam burst", "from:Ridge OR from:valley"]
        await has(log, x.publish("stranger", "Dam burst upstream"))
    assert (await of_type(log, Item))[0].source == "x:stranger"


@pytest.mark.parametrize(
    ("clock", "seconds"), [((300, START), 3), ((300, START), 180), ((300, START), 1800)], indirect=["clock"]
)
async def test_what_was_published_while_the_line_was_dead_is_fetched_and_the_gap_closed(
    x: FakeX, log: SqliteLog, seconds: float
) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        await has(log, x.publish("ridge", "before"))
        x.down = True
        x.cut()
        missed = []
        for n in range(10):
            await x.clock.sleep(seconds / 10)
            missed.append(x.publish("valley", f"during {n}"))
        x.down = False
        await has(log, *missed)
        await until(lambda: _closed(log))
        await has(log, x.publish("ridge", "after"))
    items = await of_type(log, Item)
    late = {item.post.id for item in items if item.post and item.marks.gapfill}
    assert {f"x:{native}" for native in missed} <= late


async def _closed(log: SqliteLog) -> bool:
    return not await open_gaps(log)


async def test_silence_with_an_open_socket_is_a_lost_line_within_25_seconds(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        x.silent = True
        before = x.clock.monotonic()

        async def again() -> bool:
            return len(x.connects["posts"]) >= 2

        await until(again)
        assert x.clock.monotonic() - before < 60  # 22 s and the scheduling of a busy machine, 300 times as long
        missed = x.publish("ridge", "nobody hears this")
        x.silent = False
        await has(log, missed)


async def test_a_clean_close_is_no_reason_to_hammer(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        end = x.clock.monotonic() + 600
        while x.clock.monotonic() < end:
            x.close_streams()
            await asyncio.sleep(0.001)
        assert len(x.connects["posts"]) <= 9  # 5, 10, 20 ... 320 s


@pytest.mark.parametrize("status", [429, 503])
async def test_a_storm_of_refusals_is_answered_at_the_pace_that_x_states(x: FakeX, log: SqliteLog, status: int) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        with x.answering(status, html=status == 503):
            before = len(x.requests)
            await x.clock.sleep(900)
            asked = len(x.requests) - before
        assert asked <= (18 if status == 429 else 24)  # two streams and the hourly usage
        await live(x)
        await has(log, x.publish("ridge", "after the storm"))


@FASTER
async def test_a_wrong_token_is_said_once(x: FakeX, log: SqliteLog, capsys: pytest.CaptureFixture[str]) -> None:
    x.token = "another"
    async with playing(reader(x), log, x.clock):
        await x.clock.sleep(4000)
    # 30 s of this clock are 10 ms: a slow machine may not answer in time.
    told = [line for line in await states(log, "x:Ridge") if "no answer" not in line]
    assert list(dict.fromkeys(told)) == ["connecting: ", "refused: 401: token refused"]
    assert x.connects == {"posts": [], "events": []}
    assert len(x.requests) <= 20
    captured = capsys.readouterr()
    assert "canary" not in captured.out + captured.err
    assert b"canary" not in log.path.read_bytes()


async def test_without_a_token_it_says_which_variable_is_missing(x: FakeX, log: SqliteLog) -> None:
    bare = replace(setup(x.clock, source("x:ridge"), bearer_token_env="DESK_X"), secret=lambda _: None)
    async with playing(make(bare), log, x.clock):
        await until(lambda: _items_or_states(log))
    assert (await states(log, "x:ridge"))[-1] == "refused: no token: DESK_X is not set"


async def _items_or_states(log: SqliteLog) -> bool:
    return len(await states(log, "x:ridge")) >= 2


@pytest.mark.parametrize(
    "junk",
    [
        b'{"data":{"id":"19\r\n',
        b"\xff\xfe\r\n",
        b"[]\r\n",
        b'{"data":{"id":"1","text":"a","author_id":7},"matching_rules":[{"id":"1"}]}\r\n',
        b'{"data":{"text":"no id"}}\r\n',
        b'{"data":' + b"[" * 100_000 + b"\r\n",
        json.dumps({"data": {"id": "5", "text": "ق" * 60_000, "author_id": "9"}}).encode() + b"\r\n",
        b'{"hello":1}\r\n',
    ],
)
async def test_no_line_ends_the_stream(x: FakeX, log: SqliteLog, junk: bytes) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        x.send("posts", junk)
        await has(log, x.publish("ridge", "still here"))
        assert len(x.connects["posts"]) == 1
    first, second = await of_type(log, Item)
    assert (first.post is None) == (first.quarantined is not None)
    assert second.post is not None


async def test_half_a_line_at_the_end_is_kept_as_evidence(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        x.send("posts", b'{"data":{"id":"19')
        x.close_streams()
        await until(lambda: _items(log, 1))
    (item,) = await of_type(log, Item)
    assert item.quarantined is not None
    assert item.quarantined.reason is Reason.BAD_JSON


async def test_what_x_says_before_it_hangs_up_is_told(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        trouble = {"title": "ConnectionException", "connection_issue": "TooManyConnections", "detail": "one is enough"}
        x.connects["posts"].clear()
        x.send("posts", trouble)
        before = x.clock.monotonic()
        await until(lambda: _connects(x, 1))
        assert x.clock.monotonic() - before >= 60
    assert "connecting: ConnectionException TooManyConnections" in await states(log, "x:Ridge")


async def _connects(x: FakeX, count: int) -> bool:
    return len(x.connects["posts"]) >= count


@pytest.mark.parametrize("clock", [(300, START.replace(hour=23, minute=40))], indirect=True)
async def test_the_daily_ceiling_stops_reading_and_midnight_lifts_it(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x, daily_ceiling_usd=0.10), log, x.clock):
        await live(x)
        for n in range(40):
            x.publish("ridge", f"post {n}")
            await asyncio.sleep(0.001)

        async def paused() -> bool:
            return any(line.startswith("paused: the daily ceiling of $0.10") for line in await states(log, "x:Ridge"))

        await until(paused)
        assert len(await ids(log)) <= 25  # 18 for the money (two users were looked up), and what came in the same chunk
        await until(lambda: _day(x, 2), 60)
        await live(x)
        await has(log, *[post.json["id"] for post in x.posts[:15]])


async def _day(x: FakeX, day: int) -> bool:
    return x.clock.now().day >= day


async def test_spend_is_counted_by_source(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        await has(log, x.publish("ridge", "one"), x.publish("ridge", "two"), x.publish("valley", "three"))
        await x.clock.sleep(40)
    spent = {state.source: state.spend_usd for state in await of_type(log, SourceState)}
    assert spent == {"x:Ridge": 0.01, "x:valley": 0.005}


async def test_what_words_found_is_charged_to_them_and_all_spend_is_known_after_a_restart(
    x: FakeX, log: SqliteLog
) -> None:
    async with playing(reader(x, extra_rules=("dam burst",)), log, x.clock):
        await live(x)
        await has(log, x.publish("ridge", "one"), x.publish("stranger", "dam burst"))
        await has(log, x.publish("stranger", "another dam burst"))
    before = len(await of_type(log, SourceState))
    async with playing(reader(x, extra_rules=("dam burst",)), log, x.clock):
        await live(x)
        await until(lambda: _live_again(log, before))
    first = [state for state in (await of_type(log, SourceState))[before:] if state.state == "live"][:3]
    assert {s.source: s.spend_usd for s in first} == {"x:Ridge": 0.005, "x:valley": 0.0, "x:words": 0.01}


async def _live_again(log: SqliteLog, before: int) -> bool:
    return sum(state.state == "live" for state in (await of_type(log, SourceState))[before:]) >= 3


@pytest.mark.parametrize("clock", [(300, START.replace(hour=23, minute=58))], indirect=True)
async def test_what_was_spent_yesterday_is_not_shown_as_todays(x: FakeX, log: SqliteLog) -> None:
    async with playing(reader(x), log, x.clock):
        await live(x)
        await has(log, x.publish("ridge", "before midnight"))
        await until(lambda: _day(x, 2))
        await until(lambda: _spends_nothing(log))
    assert max(state.spend_usd for state in await of_type(log, SourceState)) == 0.005


async def _spends_nothing(log: SqliteLog) -> bool:
    said = [state.spend_usd for state in await of_type(log, SourceState) if state.source == "x:Ridge"]
    return 0.005 in said and said[-1] == 0.0


async def test_an_account_that_x_does_not_know_is_refused_and_never_called_covered(x: FakeX, log: SqliteLog) -> None:
    x.nobody = frozenset({"gone", "lost"})
    producer = reader(x, source("x:ridge"), source("x:gone"), source("x:lost", via="activity"))
    async with playing(producer, log, x.clock):
        await live(x, stream="events")
        await x.clock.sleep(90)
    for name in ("x:gone", "x:lost"):
        assert (await states(log, name))[-1] == "refused: X knows no account of this name"
    covered = {name for record in await of_type(log, Coverage) for name in record.sources}
    assert covered == {"x:ridge"}


async def test_accounts_whose_rule_x_refuses_are_refused_and_never_called_covered(x: FakeX, log: SqliteLog) -> None:
    x.bad_rules = frozenset({"from:Ridge OR from:valley"})
    async with playing(reader(x, extra_rules=("dam burst",)), log, x.clock):
        await live(x)
        await x.clock.sleep(90)
    assert (await states(log, "x:Ridge"))[-1] == "refused: X refuses its rule: no viable alternative"
    covered = {name for record in await of_type(log, Coverage) for name in record.sources}
    assert covered == {"x:words"}


async def test_a_trial_shows_the_newest_posts_and_touches_no_rule_and_no_stream(x: FakeX, log: SqliteLog) -> None:
    x.rules["8"] = {"id": "8", "value": "from:valley", "tag": "wd:accounts:0000"}
    natives = [x.publish("ridge", f"post {n}") for n in range(12)]
    await x.clock.sleep(30)
    given = setup(x.clock, source("x:ridge"), base_url=x.base_url, bearer_token_env="TOKEN")
    async with playing(make(replace(given, trial=True)), log, x.clock):
        await has(log, *natives[2:])
        await x.clock.sleep(600)
    assert await ids(log) == set(natives[2:])
    assert list(x.rules) == ["8"]
    assert x.connects == {"posts": [], "events": []}
    assert x.subscriptions == {}


def test_the_token_goes_over_tls_or_to_this_machine_only() -> None:
    assert checked_base_url("https://api.x.com/") == "https://api.x.com"
    assert checked_base_url("http://127.0.0.1:80") == "http://127.0.0.1:80"
    for url in ("http://example.org", "ftp://127.0.0.1", "http://[", ""):
        with pytest.raises(SettingsError):
            checked_base_url(url)
