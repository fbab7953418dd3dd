from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.posts import read_post
from app.messages import Post, Quarantined
from producers.bluesky_payloads import Event, cursor_at, fields_of, read_event, time_of

AT = datetime(2026, 3, 1, 6, 0, 0, 250_000, tzinfo=UTC)
RECORD = {"$type": "app.bsky.feed.post", "createdAt": "2026-03-01T05:59:59Z", "langs": ["ar", "en"], "text": "انفجار"}
COMMIT = {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "cid": "bafy", "record": RECORD}


def first(**change: Any) -> Event | None:
    message = {"did": "did:plc:a", "time_us": cursor_at(AT), "kind": "commit", "commit": COMMIT} | change
    return read_event(json.dumps(message).encode())


def second(**change: Any) -> Event | None:
    payload = {"$type": "x#commit", "seq": 7, "did": "did:plc:a", "time": "2026-03-01T06:00:00.25Z", **COMMIT} | change
    return read_event(json.dumps({"$type": "message", "payload": payload}).encode())


def test_both_forms_tell_the_same_event() -> None:
    one, other = first(), second()
    assert one is not None
    assert other is not None
    assert one._replace(cursor=7) == other
    assert one.at == AT
    post = read_post(fields_of(one, "ridge"), b"", received_at=AT)
    assert isinstance(post, Post)
    assert (post.id, post.lang, post.text) == ("bluesky:at://did:plc:a/app.bsky.feed.post/3k", "ar", "انفجار")


def test_what_is_no_post_is_other() -> None:
    for event in (
        first(commit=COMMIT | {"collection": "app.bsky.feed.like"}),
        first(kind="identity"),
        second(collection="app.bsky.graph.follow"),
    ):
        assert event is not None
        assert event.operation == "other"
        assert event.cursor


@pytest.mark.parametrize(
    ("embed", "quoted", "media"),
    [
        ({"record": {"uri": "at://did:plc:b/app.bsky.feed.post/1"}}, "at://did:plc:b/app.bsky.feed.post/1", None),
        (
            {"record": {"record": {"uri": "at://q"}}, "media": {"images": [{"image": {"ref": {"$link": "bafk"}}}]}},
            "at://q",
            ["bafk"],
        ),
        ({"images": [{"image": {"ref": {"$link": "one"}}}, {"alt": "no image"}]}, None, ["one"]),
        ("nonsense", None, None),
    ],
)
def test_quotes_and_images_are_found_in_embeds(embed: Any, quoted: str | None, media: list[str] | None) -> None:
    event = first(commit=COMMIT | {"record": RECORD | {"embed": embed}})
    assert event is not None
    fields = fields_of(event, "ridge")
    assert (fields["quote_of"], fields["media"]) == (quoted, media)


def test_an_edit_has_the_time_at_which_it_was_witnessed() -> None:
    event = first(commit=COMMIT | {"operation": "update"})
    assert event is not None
    assert fields_of(event, "ridge")["created_at"] == AT.isoformat()


def test_cursors_and_times_are_one() -> None:
    assert time_of(cursor_at(AT)) == AT


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["did", "seq", "time", "record", "image", "uri", "images", "parent"]), inner)
    ),
    max_leaves=6,
)
KEYS = ["did", "time_us", "kind", "commit", "account", "payload", "error", "$type"]


@given(st.dictionaries(st.sampled_from(KEYS), ANY))
def test_no_message_makes_it_raise(message: dict[str, Any]) -> None:
    read = read_event(json.dumps(message).encode())
    assert read is None or isinstance(read, Event)


@given(st.dictionaries(st.sampled_from([*RECORD, "embed", "reply"]), ANY))
def test_no_record_makes_it_raise(record: dict[str, Any]) -> None:
    event = first(commit=COMMIT | {"record": record})
    assert event is not None
    assert isinstance(read_post(fields_of(event, "ridge"), b"", received_at=AT), Post | Quarantined)
