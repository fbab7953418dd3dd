from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.domain.pasted import line_of, post_at
from app.errors import UserError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "platform", "native", "author"),
    [
        ("https://x.com/ward/status/20", "x", "20", "ward"),
        ("https://mobile.twitter.com/Ward_1/status/20/photo/1?s=20#top", "x", "20", "Ward_1"),
        ("https://t.me/s/ward_channel/512?single", "telegram", "telegram:ward_channel/512", "ward_channel"),
        (
            "https://bsky.app/profile/ward.example.com/post/3lxyz",
            "bluesky",
            "ward.example.com/3lxyz",
            "ward.example.com",
        ),
        ("HTTPS://www.Agency.example:8443/a/b?c=d", "web", "www.agency.example/a/b", "agency.example"),
        ("https://x.com/ward", "web", "x.com/ward", "x.com"),
        ("https://x.com.evil.example/ward/status/20", "web", "x.com.evil.example/ward/status/20", "x.com.evil.example"),
    ],
)
def test_an_address_tells_whose_post_it_is(url: str, platform: str, native: str, author: str) -> None:
    told = post_at(url)
    assert (told["platform"], told["id"], told["author"], told["url"]) == (platform, native, author, url)


def test_a_long_address_is_known_by_its_hash_and_what_is_none_tells_nothing() -> None:
    assert len(post_at("https://agency.example/" + "x" * 500)["id"]) == 64
    for nothing in ("", "agency", "javascript:alert(1)", "https://", "ftp://agency.example/a"):
        assert post_at(nothing) == {}


def test_the_id_of_a_post_on_x_tells_when_it_was_written() -> None:
    _, post = line_of({"url": "https://x.com/ward/status/1036978342000000000", "text": "Jets"}, NOW)
    assert post.created_at is not None
    assert post.created_at.date().isoformat() == "2018-09-04"
    _, post = line_of({"url": "https://x.com/ward/status/20", "text": "Jets"}, NOW)
    assert post.created_at == NOW
    _, post = line_of(
        {"url": "https://x.com/ward/status/1036978342000000000", "text": "J", "created_at": "2026-02-01T00:00:00Z"}, NOW
    )
    assert post.created_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_what_is_given_goes_before_what_the_address_tells() -> None:
    _, post = line_of({"url": "https://x.com/i/status/20", "author": "ward", "text": "Jets"}, NOW)
    assert (post.id, post.source) == ("x:20", "x:ward")
    _, post = line_of({"id": "call-1", "author": "night desk", "url": "https://x.com/ward/status/20", "text": "J"}, NOW)
    assert (post.id, post.source) == ("inbox:call-1", "inbox:night desk")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"text": "Jets"}, "id is missing"),
        ({"id": "1", "text": "Jets"}, "author is missing"),
        ({"url": "https://x.com/i/status/20", "text": "Jets"}, "author is missing"),
        ({"url": "https://x.com/ward/status/20"}, "text is missing"),
        ({"url": "https://x.com/ward/status/20", "text": ""}, "text is missing"),
    ],
)
def test_what_is_missing_is_said(given: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        line_of(given, NOW)
