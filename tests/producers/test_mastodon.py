from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import ScaledClock
from app.domain.posts import read_post
from app.errors import SettingsError
from app.messages import Gap, Item, Post, PostType, Quarantined
from app.streams.sqlite_log import SqliteLog
from producers.mastodon import MastodonProducer, make, server_of
from producers.mastodon_payloads import EventReader, fields_of, read_status
from tests.producers.playing import deleted, ids, open_gaps, playing, setup, source, states, until
from tests.producers.recording import of_type
from tests.simulator.fake_mastodon import FakeMastodon, fake_mastodon

START = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
async def server() -> AsyncIterator[FakeMastodon]:
    async with fake_mastodon(ScaledClock(300, START)) as running:
        yield running


def stream(server: FakeMastodon, kind: str = "public/local", **options: Any) -> MastodonProducer:
    given = source("mastodon:social.example", host=server.base_url, stream=kind, token_env="TOKEN", **options)
    return make(setup(server.clock, given))


def account(server: FakeMastodon) -> MastodonProducer:
    return make(setup(server.clock, source("mastodon:ridge@social.example", host=server.base_url)))


async def live(server: FakeMastodon) -> None:
    async def connected() -> bool:
        return server.connected > 0

    await until(connected)


def full(server: FakeMastodon, *local_ids: str) -> set[str]:
    return {f"{server.origin}/{local_id}" for local_id in local_ids}


async def has(log: SqliteLog, server: FakeMastodon, *local_ids: str) -> None:
    async def all_there() -> bool:
        return full(server, *local_ids) <= await ids(log)

    await until(all_there)


async def test_a_stream_brings_posts_edits_and_deletions(server: FakeMastodon, log: SqliteLog) -> None:
    async with playing(stream(server), log, server.clock):
        await live(server)
        one = server.publish("ridge", "<p>Smoke over<br>the port</p>", spoiler_text="war")
        server.publish("far@other.example", "<p>hello</p>")
        server.publish("ridge", "<p>to my friends</p>", visibility="private")
        server.edit(one, "<p>Smoke over the old port</p>")
        server.delete(one)

        async def gone() -> bool:
            return await deleted(log) == full(server, one)

        await until(gone)
    posts = [item.post for item in await of_type(log, Item) if item.post]
    assert [(post.type, post.text, post.author) for post in posts] == [
        (PostType.POST, "war\nSmoke over\nthe port", f"ridge@{server.origin}"),
        (PostType.POST, "hello", "far@other.example"),
        (PostType.EDIT, "war\nSmoke over the old port", f"ridge@{server.origin}"),
        (PostType.DELETE, "", "unknown"),
    ]


@pytest.mark.parametrize("seconds", [3, 180, 1800])
async def test_a_stream_that_was_cut_is_filled_from_its_timeline(
    server: FakeMastodon, log: SqliteLog, seconds: float
) -> None:
    async with playing(stream(server), log, server.clock):
        await live(server)
        await has(log, server, server.publish("ridge", "before"))
        await server.clock.sleep(60)
        server.down = True
        server.cut()
        missed = []
        for n in range(50):
            await server.clock.sleep(seconds / 50)
            missed.append(server.publish("ridge", f"during {n}"))
        server.down = False
        await has(log, server, *missed)
        await has(log, server, server.publish("ridge", "after"))

        async def closed() -> bool:
            return not await open_gaps(log)

        await until(closed)
    items = await of_type(log, Item)
    assert any(item.marks.gapfill for item in items)
    assert {item.post.text for item in items if item.post} == {"before", "after", *(f"during {n}" for n in range(50))}


async def test_a_wrong_token_is_said_once(server: FakeMastodon, log: SqliteLog) -> None:
    server.token = "another"
    async with playing(stream(server), log, server.clock):
        await server.clock.sleep(1200)
    assert await states(log, "mastodon:social.example") == ["connecting: ", "refused: 401: token refused"]
    assert len(server.connects) <= 3
    assert b"canary" not in log.path.read_bytes()


async def test_silence_with_an_open_socket_is_a_lost_line(server: FakeMastodon, log: SqliteLog) -> None:
    async with playing(stream(server), log, server.clock):
        await live(server)
        await has(log, server, server.publish("ridge", "before"))
        server.silent = True
        missed = server.publish("ridge", "nobody hears this")

        async def again() -> bool:
            return len(server.connects) >= 2

        await until(again)
        server.silent = False
        await has(log, server, missed)


@pytest.mark.parametrize(
    "junk",
    [
        b"event: update\ndata: {half\n\n",
        b"data: []\n\n",
        b"\xff\xfe\n\n",
        b"event: update\n\n",
        b"event: x\ndata: 1\n\n",
    ],
)
async def test_no_event_ends_the_stream(server: FakeMastodon, log: SqliteLog, junk: bytes) -> None:
    async with playing(stream(server), log, server.clock):
        await live(server)
        server.send(junk)
        await has(log, server, server.publish("ridge", "still here"))
        assert len(server.connects) == 1


async def test_an_account_is_read_without_a_key_with_its_edits_and_deletions(
    server: FakeMastodon, log: SqliteLog
) -> None:
    one, two = server.publish("ridge", "<p>one</p>"), server.publish("ridge", "<p>two</p>")
    server.publish("stranger", "<p>not asked for</p>")
    async with playing(account(server), log, server.clock):
        await has(log, server, one, two)
        server.edit(one, "<p>one, corrected</p>")
        server.delete(two)

        async def both() -> bool:
            return await deleted(log) == full(server, two) and len(await of_type(log, Item)) == 4

        await until(both)
    posts = [item.post for item in await of_type(log, Item) if item.post]
    assert {post.source for post in posts} == {"mastodon:ridge@social.example"}
    assert "one, corrected" in {post.text for post in posts}


async def test_an_account_that_wrote_more_than_a_page_has_a_gap(server: FakeMastodon, log: SqliteLog) -> None:
    first = server.publish("ridge", "<p>before</p>")
    async with playing(account(server), log, server.clock):
        await has(log, server, first)
        await server.clock.sleep(200)
        server.down = True
        for n in range(60):
            await server.clock.sleep(10)
            server.publish("ridge", f"<p>{n}</p>")
        server.down = False

        async def told() -> bool:
            return bool(await of_type(log, Gap))

        await until(told)
    (gap,) = (await open_gaps(log)).values()
    assert gap.reason == "more posts than the server shows at once"
    assert not await deleted(log)


async def test_a_server_in_trouble_is_asked_less_often_and_heard_again(server: FakeMastodon, log: SqliteLog) -> None:
    async with playing(account(server), log, server.clock):
        await has(log, server, server.publish("ridge", "before"))
        server.refuse = 503
        before = len(server.requests)
        await server.clock.sleep(1200)
        assert len(server.requests) - before <= 16
        server.refuse = None
        await has(log, server, server.publish("ridge", "after"))
    assert "connecting: the server answers 503" in await states(log, "mastodon:ridge@social.example")


def test_a_source_says_where_it_is_read() -> None:
    given = setup(ScaledClock(1), host="home.example")
    assert server_of(source("mastodon:ridge@social.example"), given).base == "https://social.example"
    assert server_of(source("mastodon:ridge@social.example", host="mirror.example"), given).host == "mirror.example"
    assert server_of(source("mastodon:ridge"), given).host == "home.example"
    with pytest.raises(SettingsError, match="names no server"):
        server_of(source("mastodon:ridge"), setup(ScaledClock(1)))
    with pytest.raises(SettingsError, match="stream is one of"):
        server_of(source("mastodon:a@b.example", stream="everything"), given)


async def test_a_source_that_names_no_server_does_not_hold_up_another(server: FakeMastodon, log: SqliteLog) -> None:
    good = source("mastodon:ridge@social.example", host=server.base_url)
    async with playing(make(setup(server.clock, source("mastodon:lost"), good)), log, server.clock):
        await has(log, server, server.publish("ridge", "here"))
    assert (await states(log, "mastodon:lost"))[-1].startswith("refused: mastodon:lost names no server")


def test_events_are_cut_at_empty_lines_and_heartbeats_are_nothing() -> None:
    reader = EventReader()
    lines = [b":thump", b"event: update", b'data: {"id":', b'data: "1"}', b"", b"data:x", b"", b"", b"retry: 5", b""]
    events = [event for line in lines if (event := reader.feed(line)) is not None]
    assert events == [("update", b'{"id":\n"1"}'), ("", b"x")]


def test_a_boost_carries_the_text_of_the_original() -> None:
    status = {"id": "2", "account": {"acct": "ridge"}, "reblog": {"id": "1", "content": "<p>the original</p>"}}
    fields = fields_of(status, "social.example")
    assert (fields["repost_of"], fields["text"]) == ("mastodon:social.example/1", "the original")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "acct", "content", "url"]), inner)
    ),
    max_leaves=6,
)
KEYS = [
    "id",
    "account",
    "reblog",
    "content",
    "created_at",
    "edited_at",
    "media_attachments",
    "spoiler_text",
    "in_reply_to_id",
]


@given(st.dictionaries(st.sampled_from(KEYS), ANY))
def test_no_status_makes_it_raise(status: dict[str, Any]) -> None:
    read = read_status(json.dumps(status).encode())
    if read is not None:
        assert isinstance(read_post(fields_of(read, "social.example"), b"", received_at=START), Post | Quarantined)
