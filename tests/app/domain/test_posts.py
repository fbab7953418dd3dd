from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.posts import GapLine, Sketch, content_hash, parse_line, post_id, read_post, sketch_line
from app.errors import Reason
from app.messages import MAX_RECORD_BYTES, Flag, Ingest, Item, Post, PostType, Quarantined, encode

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINE: dict[str, Any] = {
    "id": "x:77",
    "platform": "x",
    "author": "ridge_watch",
    "created_at": "2018-09-04T08:01:00Z",
    "text": "Two jets over the ridge, one strike west of the river",
}


def parse(raw: bytes) -> Post | GapLine | Quarantined | None:
    return parse_line(raw, received_at=NOW)


def post(raw: bytes | None = None, **fields: Any) -> Post:
    read = parse(raw if raw is not None else json.dumps(LINE | fields).encode())
    assert isinstance(read, Post)
    return read


def refused(raw: bytes) -> Reason:
    read = parse(raw)
    assert isinstance(read, Quarantined)
    assert read.size == len(raw)
    assert read.head == raw[:4096]
    return read.reason


def line(**fields: Any) -> bytes:
    return json.dumps(LINE | fields).encode()


def test_a_plain_line_becomes_a_post() -> None:
    read = post(lang="en", url="https://example.org/77", author_name="Ridge Watch", media=["3_1"])
    assert read == Post(
        id="x:77",
        given_id="x:77",
        platform="x",
        author="ridge_watch",
        text=LINE["text"],
        created_at=datetime(2018, 9, 4, 8, 1, tzinfo=UTC),
        author_name="Ridge Watch",
        lang="en",
        url="https://example.org/77",
        media=("3_1",),
    )
    assert read.source == "x:ridge_watch"


def test_a_byte_order_mark_is_stripped() -> None:
    assert post(b"\xef\xbb\xbf" + line()) == post()


@pytest.mark.parametrize("raw", [b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"])
def test_an_empty_line_is_none(raw: bytes) -> None:
    assert parse(raw) is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"id":"1","text":"\xff"}', Reason.BAD_ENCODING),
        ('{"id":"1"}'.encode("utf-16"), Reason.BAD_ENCODING),
        (b"\xfa\xce" * 2000, Reason.BAD_ENCODING),
        (b'{"id":"1","text":"\xed\xa0\x80"}', Reason.BAD_ENCODING),
        (b'{"id":"1"', Reason.BAD_JSON),
        (b'{"id":"1"} tail', Reason.BAD_JSON),
        (b"{'id':'1'}", Reason.BAD_JSON),
        (b'{"id":"1","n":NaN}', Reason.BAD_JSON),
        (b'{"id":"1","n":-Infinity,"text":"\x00"}', Reason.BAD_JSON),
        (b'{"id":"1","n":1e999}', Reason.BAD_JSON),
        (b'{"id":"1","n":1e999,"text":"\\ud800"}', Reason.BAD_JSON),
        (b'{"id":' + b"9" * 5000 + b"}", Reason.BAD_JSON),
        (b'{"id":' + b"9" * 5000 + b',"text":"\\ud800"}', Reason.BAD_JSON),
        (b'{"id":"1","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.TOO_DEEP),
        (b'{"id":"1","t":"\\ud800","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}", Reason.TOO_DEEP),
        (b"[1,2]", Reason.BAD_TYPE),
        (b'"text"', Reason.BAD_TYPE),
        (b"17", Reason.BAD_TYPE),
        (b"null", Reason.BAD_TYPE),
        (b"true", Reason.BAD_TYPE),
        (b'{"id":1,"id":2}', Reason.AMBIGUOUS_ID),
        (b'{"id":"1","\\u0069d":"2"}', Reason.AMBIGUOUS_ID),
        (b'{"id":"1","text":"\x00","id":"1"}', Reason.AMBIGUOUS_ID),
        (b'{"text":"no id"}', Reason.BAD_ID),
        (b'{"id":null}', Reason.BAD_ID),
        (b'{"id":""}', Reason.BAD_ID),
        (b'{"id":"  "}', Reason.BAD_ID),
        (b'{"id":true}', Reason.BAD_ID),
        (b'{"id":1.5}', Reason.BAD_ID),
        (b'{"id":["1"]}', Reason.BAD_ID),
        (b'{"id":"a\\u0000b"}', Reason.BAD_ID),
        (b'{"id":"a\\ud800b"}', Reason.BAD_ID),
        (b'{"id":"' + b"7" * 201 + b'"}', Reason.BAD_ID),
        (b'{"id":"1","text":"' + b"a" * 17_000_000 + b'"}', Reason.TOO_LARGE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_a_post_is_quarantined_with_its_reason(raw: bytes, reason: Reason) -> None:
    assert refused(raw) is reason


def test_ids_of_nested_objects_are_not_ambiguous() -> None:
    assert post(line(geo={"id": "1"}, entities=[{"id": "2"}])).id == "x:77"
    assert post(text='the line said "id": twice, "id": 7').id == "x:77"


def test_an_integer_id_is_accepted_as_text() -> None:
    read = post(id=18446744073709551617)
    assert (read.id, read.given_id) == ("x:18446744073709551617", "18446744073709551617")


def test_an_id_of_200_characters_is_accepted() -> None:
    assert post(id="7" * 200).given_id == "7" * 200


@pytest.mark.parametrize(
    ("platform", "given_id", "whole"),
    [
        ("x", "77", "x:77"),
        ("x", "x:77", "x:77"),
        ("rss", "x:77", "x:77"),
        ("bluesky", "at://did:plc:abc/app.bsky.feed.post/3k", "bluesky:at://did:plc:abc/app.bsky.feed.post/3k"),
        ("rss", "tag:example.org,2026:9", "rss:tag:example.org,2026:9"),
        ("rss", "https://example.org/9", "rss:https://example.org/9"),
        ("x", "twitter:77", "x:77"),
        ("x", "x:", "x:x:"),
    ],
)
def test_a_prefix_is_a_platform_only_if_we_know_it(platform: str, given_id: str, whole: str) -> None:
    assert post_id(platform, given_id) == whole


def test_the_same_native_id_on_two_platforms_is_two_posts() -> None:
    assert post(id="5", platform="x").id != post(id="5", platform="mastodon").id


def test_a_line_without_platform_or_author_is_kept() -> None:
    read = post(b'{"id":"5"}')
    assert (read.id, read.platform, read.author, read.text) == ("unknown:5", "unknown", "unknown", "")
    assert read.flags == (Flag.CLOCK_SUSPECT,)


def test_the_platform_of_the_id_wins_over_that_of_the_line() -> None:
    read = post(id="mastodon:5", platform="x")
    assert (read.id, read.platform, read.flags) == ("mastodon:5", "mastodon", (Flag.BAD_FIELD,))


@pytest.mark.parametrize("raw_nul", [b"\\u0000", b"\x00"])
def test_nul_is_repaired_and_flagged(raw_nul: bytes) -> None:
    read = post(b'{"id":"x:1","created_at":"2018-09-04T08:01:00Z","text":"a' + raw_nul + b'b"}')
    assert read.text == "a\ufffdb"
    assert read.flags == (Flag.NUL,)


def test_lone_surrogates_are_repaired_and_flagged_and_pairs_kept() -> None:
    read = post(b'{"id":"x:1","created_at":"2018-09-04T08:01:00Z","text":"a\\ud800b \\ud83d\\ude00"}')
    assert read.text == "a\ufffdb 😀"
    assert read.flags == (Flag.SURROGATES,)


@pytest.mark.parametrize("letter", ["a", "ق", "😀", "\x01", '"'])
def test_a_text_of_a_million_characters_is_cut_and_fits_a_record(letter: str) -> None:
    read = post(text=letter * 1_000_000, url="https://example.org/" + "u" * 2000, media=["ص" * 300] * 60)
    assert Flag.TRUNCATED in read.flags
    assert read.text[:100] == letter * 100
    item = Item(ingest=Ingest("s" * 40, 2**60), source="x:ridge_watch", seen_at=NOW, post=read)
    assert len(encode(item)) < MAX_RECORD_BYTES


def test_an_edit_beyond_the_cut_changes_the_content_hash() -> None:
    assert content_hash(post(text="a" * 100_000)) != content_hash(post(text="a" * 100_000 + "b"))


@pytest.mark.parametrize(
    "given", [None, "", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", 5, "2026-03-01T12:06:00Z"]
)
def test_an_implausible_date_is_dropped_and_flagged(given: object) -> None:
    read = post(created_at=given)
    assert read.created_at is None
    assert read.flags == (Flag.CLOCK_SUSPECT,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("author", 1.5),
        ("author", "a" * 5000),
        ("author_name", ["x"]),
        ("lang", 7),
        ("lang", "not a language"),
        ("url", "javascript:alert(1)"),
        ("url", "https://user:pw@example.org/"),
        ("url", "https://[bad/"),
        ("url", "https://example.org/" + "a" * 8000),
        ("type", "like"),
        ("type", 4),
        ("repost_of", {"id": "1"}),
        ("quote_of", "q" * 300),
        ("reply_to", "x:77"),
        ("media", [1]),
        ("media", {"kind": "photo"}),
        ("text", 12),
        ("platform", "?!"),
    ],
)
def test_an_optional_field_of_a_wrong_type_is_dropped_and_flagged(field: str, value: Any) -> None:
    read = post(**{field: value})
    assert Flag.BAD_FIELD in read.flags
    assert getattr(read, field) in {None, "", (), "unknown", PostType.POST, "x"}


def test_null_and_empty_options_are_simply_absent() -> None:
    read = post(lang=None, url="", media=[], reply_to=None, author_name="", type=None)
    assert read == post()


def test_handles_are_cleaned() -> None:
    assert post(author="@ridge_watch").author == "ridge_watch"
    assert post(author="ridge\n_watch").author == "ridge_watch"
    assert post(author="x:ridge_watch").author == "ridge_watch"
    assert post(author=42).author == "42"


def test_references_are_brought_to_one_form() -> None:
    read = post(repost_of="5", quote_of="mastodon:6", reply_to=7)
    assert (read.repost_of, read.quote_of, read.reply_to) == ("x:5", "mastodon:6", "x:7")


def test_media_are_ids_and_capped() -> None:
    assert post(media=[{"media_key": "3_1"}, "3_2"]).media == ("3_1", "3_2")
    assert len(post(media=[str(n) for n in range(50_000)]).media) == 50


def test_edits_and_deletions_are_read() -> None:
    assert post(type="edit").type is PostType.EDIT
    assert post(b'{"id":"x:77","type":"delete","created_at":"2018-09-04T09:00:00Z"}').type is PostType.DELETE


def test_a_gap_line_is_a_gap() -> None:
    raw = (
        b'{"type":"gap","source":"x:a","from":"2018-09-01T00:00:00Z","to":"2018-09-01T06:00:00Z","reason":"power cut"}'
    )
    assert parse(raw) == GapLine(
        "x:a", datetime(2018, 9, 1, tzinfo=UTC), datetime(2018, 9, 1, 6, tzinfo=UTC), "power cut"
    )
    assert parse(raw.replace(b'"source":"x:a",', b"")) == GapLine(
        None, datetime(2018, 9, 1, tzinfo=UTC), datetime(2018, 9, 1, 6, tzinfo=UTC), "power cut"
    )


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"gap"}',
        b'{"type":"gap","from":"2018-09-02T00:00:00Z","to":"2018-09-01T00:00:00Z"}',
        b'{"type":"gap","source":5,"from":"2018-09-01T00:00:00Z","to":"2018-09-02T00:00:00Z"}',
    ],
)
def test_a_gap_line_without_its_times_is_quarantined(raw: bytes) -> None:
    assert refused(raw) is Reason.BAD_TYPE


def test_marks_are_never_read_from_a_line() -> None:
    assert post(exercise=True, history=True, no_deliver=True, gapfill=True) == post()


def test_the_content_hash_sees_text_media_and_references_only() -> None:
    assert content_hash(post()) == content_hash(
        post(created_at="2018-09-04T09:00:00Z", author_name="Else", type="edit")
    )
    assert content_hash(post()) != content_hash(post(text="else"))
    assert content_hash(post()) != content_hash(post(media=["3_1"]))
    assert content_hash(post(reply_to="5")) != content_hash(post(quote_of="5"))


def test_fields_of_another_form_get_the_same_reading_as_a_line() -> None:
    assert read_post(LINE, b"{}", received_at=NOW) == post()
    refusal = read_post({"text": "\ud800"}, b"as it came", received_at=NOW)
    assert isinstance(refusal, Quarantined)
    assert (refusal.reason, refusal.head) == (Reason.BAD_ID, b"as it came")


@pytest.mark.parametrize(
    "raw",
    [
        line(),
        line(id=5, author="@ridge"),
        line(id="mastodon:5", platform="x", created_at="yesterday"),
        b'{"id":"5"}',
        b"\xef\xbb\xbf" + line(),
        line(text="\ud800"),
        b'{"id":"x:5","author":"a\x00b","text":"\x00"}',
    ],
)
def test_a_sketch_says_what_the_whole_reader_says(raw: bytes) -> None:
    read = post(raw)
    assert sketch_line(raw, received_at=NOW) == Sketch(read.source, read.created_at)


@pytest.mark.parametrize("raw", [b"", b"junk", b"[1]", b'{"id":""}', b'{"type":"gap"}', b"\xff", b"[" * 100_000])
def test_a_line_that_is_no_post_has_no_sketch(raw: bytes) -> None:
    assert sketch_line(raw, received_at=NOW) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.sampled_from('a:0/\0\ud800\udc00ق😀\n"'), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
FIELDS = [
    "id",
    "platform",
    "author",
    "created_at",
    "text",
    "type",
    "from",
    "to",
    "source",
    "reason",
    "lang",
    "url",
    "media",
    "reply_to",
    "author_name",
]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    read = parse(raw)
    assert read is None or isinstance(read, Post | GapLine | Quarantined)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | st.just("gap")))
def test_no_fields_make_it_raise_and_every_post_can_travel(fields: dict[str, Any]) -> None:
    read = parse(json.dumps(fields).encode())
    if isinstance(read, Post):
        assert 0 < len(read.id) <= 232
        assert content_hash(read)
        encode(Item(ingest=Ingest("s", 1), source=read.source, seen_at=NOW, post=read))
    else:
        assert isinstance(read, GapLine | Quarantined)
