from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.posts import read_post
from app.messages import Post, Quarantined
from producers.x_payloads import StreamTrouble, XPost, read_message, read_page

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DATA: dict[str, Any] = {
    "id": "1901",
    "text": "two blasts near the dam",
    "author_id": "9",
    "created_at": "2026-02-28T23:59:00.000Z",
    "lang": "en",
    "edit_history_tweet_ids": ["1901"],
}
USERS = {"users": [{"id": "9", "username": "ridge", "name": "Ridge"}]}


def read(includes: dict[str, Any] | None = None, **change: Any) -> Post:
    message = read_message(json.dumps({"data": DATA | change, "includes": includes or USERS}).encode(), NOW)
    assert isinstance(message, XPost)
    post = read_post(message.fields, b"", received_at=NOW)
    assert isinstance(post, Post)
    assert post.flags == ()
    return post


def test_a_post_keeps_what_x_says_of_it() -> None:
    assert read(attachments={"media_keys": ["3_1"]}) == Post(
        id="x:1901",
        given_id="1901",
        platform="x",
        author="ridge",
        author_name="Ridge",
        text="two blasts near the dam",
        created_at=datetime(2026, 2, 28, 23, 59, tzinfo=UTC),
        lang="en",
        url="https://x.com/ridge/status/1901",
        media=("3_1",),
    )


def test_a_long_post_is_whole() -> None:
    assert read(note_tweet={"text": "long " * 100}).text == "long " * 100


def test_a_repost_carries_the_whole_original() -> None:
    original = {"id": "1800", "text": "the whole report, every word of it"}
    post = read(
        USERS | {"tweets": [original]},
        text="RT @valley: the whole rep…",
        referenced_tweets=[{"type": "retweeted", "id": "1800"}],
    )
    assert (post.repost_of, post.text) == ("x:1800", "RT @valley: the whole report, every word of it")


def test_references_are_told_apart() -> None:
    post = read(referenced_tweets=[{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "6"}, {"type": "new"}])
    assert (post.quote_of, post.reply_to, post.repost_of) == ("x:5", "x:6", None)


@pytest.mark.parametrize(("said", "read_as"), [("iw", "he"), ("in", "id"), ("und", None), ("qme", None), ("ar", "ar")])
def test_languages_are_brought_to_the_common_codes(said: str, read_as: str | None) -> None:
    assert read(lang=said).lang == read_as


def test_a_post_withheld_in_the_whole_world_is_gone_and_one_withheld_somewhere_stays() -> None:
    assert read(withheld={"country_codes": ["XX"]}).type == "delete"
    assert read(withheld={"country_codes": ["XX"]}).text == ""
    assert read(withheld={"country_codes": ["IN"]}).type == "post"


def test_activity_events_are_read_with_ids_as_text() -> None:
    payload = {"id": 1901, "id_str": "1901000000000000001", "author_id": "9"}
    event = {"event_uuid": "-27", "event_type": "post.delete", "filter": {"user_id": "9"}, "payload": payload}
    message = read_message(json.dumps({"data": event}).encode(), NOW)
    assert isinstance(message, XPost)
    assert message.fields["id"] == "1901000000000000001"
    assert message.fields["type"] == "delete"
    created = event | {"event_type": "post.create", "payload": DATA}
    message = read_message(json.dumps({"data": created}).encode(), NOW)
    assert isinstance(message, XPost)
    assert message.fields["text"] == DATA["text"]


def test_what_x_says_of_the_connection_is_told_apart_from_partial_errors() -> None:
    hang_up = {"errors": [{"title": "operational-disconnect", "detail": "bye"}]}
    assert read_message(json.dumps(hang_up).encode(), NOW) == StreamTrouble("operational-disconnect", too_many=False)
    partial = {"data": DATA, "errors": [{"title": "Not Found Error", "resource_id": "1"}]}
    assert isinstance(read_message(json.dumps(partial).encode(), NOW), XPost)


def test_a_page_may_hold_users_lists_or_nothing() -> None:
    assert read_page({"data": [{"id": "9", "username": "ridge"}, None, 7]}) == []
    assert read_page({"meta": {"result_count": 0}}) == []
    ((post, raw),) = read_page({"data": [DATA]})
    assert (post.author_id, json.loads(raw)) == ("9", DATA)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*DATA, "type", "users"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["data", "includes", "errors", "title", "matching_rules"]), ANY))
def test_no_message_makes_it_raise(message: dict[str, Any]) -> None:
    assert isinstance(read_message(json.dumps(message).encode(), NOW), XPost | StreamTrouble | Quarantined)


@given(
    st.dictionaries(
        st.sampled_from([*DATA, "note_tweet", "referenced_tweets", "attachments", "withheld", "event_type", "payload"]),
        ANY,
    ),
    ANY,
)
def test_no_field_of_a_post_makes_it_raise(change: dict[str, Any], includes: Any) -> None:
    message = read_message(json.dumps({"data": DATA | change, "includes": includes}).encode(), NOW)
    if isinstance(message, XPost):
        assert isinstance(read_post(message.fields, b"", received_at=NOW), Post | Quarantined)
