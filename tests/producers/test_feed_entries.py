from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.posts import read_post
from app.messages import Post, Quarantined
from producers.feed_entries import Feed, read_feed

NOW = datetime(2026, 3, 2, tzinfo=UTC)
URL = "https://wire.example/feed"


def feed(items: str, language: str | None = None) -> Feed:
    body = f'<?xml version="1.0"?><rss version="2.0"><channel><title>The Wire</title>{items}</channel></rss>'
    read = read_feed(body.encode(), "application/rss+xml", URL, "rss:wire", language)
    assert read is not None
    return read


def post(item: str, language: str | None = None) -> Post:
    (entry,) = feed(f"<item>{item}</item>", language).entries
    read = read_post(entry.fields, entry.raw, received_at=NOW)
    assert isinstance(read, Post)
    return read


def test_an_entry_becomes_a_post_of_its_feed() -> None:
    read = post(
        "<guid>https://wire.example/9</guid><title>Blast in the port</title><link>https://wire.example/9</link>"
        "<description>&lt;p&gt;Smoke &lt;b&gt;rises&lt;/b&gt;&lt;script&gt;x()&lt;/script&gt;&lt;/p&gt;</description>"
        "<pubDate>Sun, 01 Mar 2026 06:00:00 +0200</pubDate><author>desk</author>"
        '<enclosure url="https://wire.example/9.jpg" type="image/jpeg" length="1"/>',
        "en",
    )
    assert read == Post(
        id="rss:https://wire.example/9",
        given_id="rss:https://wire.example/9",
        platform="rss",
        author="wire",
        author_name="desk",
        text="Blast in the port\nSmoke rises",
        created_at=datetime(2026, 3, 1, 4, tzinfo=UTC),
        lang="en",
        url="https://wire.example/9",
        media=("https://wire.example/9.jpg",),
    )


@pytest.mark.parametrize(
    ("guid", "whole"),
    [
        ("17", "rss:wire/17"),
        ("x:17", "rss:wire/x:17"),  # a feed cannot pass its entries off as posts of X
        ("tag:wire.example,2026:17", "rss:tag:wire.example,2026:17"),
        ("urn:uuid:17", "rss:urn:uuid:17"),
    ],
)
def test_ids_of_two_feeds_never_meet_and_never_look_like_another_platform(guid: str, whole: str) -> None:
    assert post(f"<guid isPermaLink='false'>{guid}</guid><title>a</title>").id == whole


def test_an_entry_without_guid_link_or_with_an_endless_one_has_an_id_all_the_same() -> None:
    one, other = feed("<item><title>a</title></item><item><title>b</title></item>").entries
    assert one.key != other.key
    assert len(post(f"<guid>https://wire.example/{'9' * 5000}</guid><title>a</title>").id) < 100


def test_a_youtube_feed_is_atom_with_ids_of_its_own() -> None:
    body = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:yt="http://www.youtube.com/xml/schemas/2015"><title>Ridge TV</title>
    <entry><id>yt:video:abc</id><title>Strike filmed from the roof</title><link rel="alternate" href="https://www.youtube.com/watch?v=abc"/>
    <author><name>Ridge TV</name></author><published>2026-03-01T06:00:00+00:00</published></entry></feed>"""
    read = read_feed(body, "text/xml", URL, "youtube:UC123", None)
    assert read is not None
    assert read.entries[0].fields["id"] == "youtube:yt:video:abc"
    assert read.entries[0].fields["author"] == "UC123"


def test_a_malformed_feed_gives_what_can_be_made_out() -> None:
    read = feed("<item><title>a & b</title></item><item><title>c")
    assert read.entries[0].fields["text"] == "a & b"


@pytest.mark.parametrize("body", [b"", b"<html><body>hello</body></html>", b'{"json":1}', b"\xff\xfe\x00"])
def test_what_is_no_feed_is_none(body: bytes) -> None:
    read = read_feed(body, "text/html", URL, "rss:wire", None)
    assert read is None or read.entries == []


def test_a_bomb_of_entities_is_defused() -> None:
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    body = f'<?xml version="1.0"?>{bomb}]><rss version="2.0"><channel><item><title>&j;</title></item></channel></rss>'
    read = read_feed(body.encode(), "text/xml", URL, "rss:wire", None)
    assert read is None or all(len(entry.fields["text"]) < 1_000_000 for entry in read.entries)


def test_a_changed_title_changes_the_digest_and_a_changed_date_does_not() -> None:
    def digest(title: str, date: str) -> str:
        return feed(f"<item><guid>1</guid><title>{title}</title><pubDate>{date}</pubDate></item>").entries[0].digest

    first = digest("a", "Sun, 01 Mar 2026 06:00:00 GMT")
    assert digest("a", "Sun, 01 Mar 2026 07:00:00 GMT") == first
    assert digest("b", "Sun, 01 Mar 2026 06:00:00 GMT") != first


@pytest.mark.parametrize("piece", [b"<!", b"<!--", b"<item>", b"<a b="])
def test_what_is_made_to_be_slow_is_not_read(piece: bytes) -> None:
    began = time.perf_counter()
    read_feed(b"<rss version='2.0'><channel>" + piece * (200_000 // len(piece)), "text/xml", URL, "rss:wire", None)
    assert time.perf_counter() - began < 10


@given(st.text(st.sampled_from("<>/&;itemguidtl ق\x00\ud800\n"), max_size=100))
def test_no_item_makes_it_raise(item: str) -> None:
    body = f"<rss version='2.0'><channel><item>{item}</item></channel></rss>".encode("utf-8", "surrogatepass")
    read = read_feed(body, "", URL, "rss:wire", None)
    for entry in read.entries if read else []:
        assert isinstance(read_post(entry.fields, entry.raw, received_at=NOW), Post | Quarantined)
