from __future__ import annotations

import pytest

from app.domain.config import SourceConfig
from app.domain.source_lists import read_list, read_source
from app.errors import UserError


def test_a_table_with_a_header_becomes_sources_and_options() -> None:
    table = (
        "id,owner,grade,area,via,every_s,url\r\n"
        "x:ridge,Ridge Watch,B,Idlib,activity,,\r\n"
        "\r\n"
        "rss:wire,The Wire,C,,,120,https://wire.example/feed\r\n"
    )
    assert [one.source() for one in read_list(b"\xef\xbb\xbf" + table.encode(), "list.csv")] == [
        SourceConfig(id="x:ridge", owner="Ridge Watch", grade="B", area="Idlib", options={"via": "activity"}),
        SourceConfig(
            id="rss:wire", owner="The Wire", grade="C", options={"every_s": 120.0, "url": "https://wire.example/feed"}
        ),
    ]


def test_feeds_of_a_reader_become_sources_with_names_of_their_own() -> None:
    opml = b"""<?xml version="1.0"?><opml version="2.0"><body><outline text="News">
    <outline type="rss" text="The Wire" xmlUrl="https://wire.example/feed"/>
    <outline type="rss" title="The  wire!" text="x" xmlUrl="https://other.example/feed"/>
    <outline type="rss" text="\xd9\x82\xd9\x86\xd8\xa7\xd8\xa9" xmlUrl="https://arabic.example/feed"/>
    </outline></body></opml>"""
    found = [one.source() for one in read_list(opml, "feeds.opml")]
    assert [source.id for source in found] == ["rss:the-wire", "rss:the-wire-2", "rss:قناة"]
    assert found[0].options == {"url": "https://wire.example/feed"}
    assert {source.grade for source in found} == {"F"}


@pytest.mark.parametrize(
    ("content", "name", "complaint"),
    [
        (b"name,grade\na,B\n", "l.csv", "the first line must name the columns, id among them"),
        (b"id,grade\nx:a,Z\n", "l.csv", "l.csv line 2: grade"),
        (b"id,grade\nmyspace:a,B\n", "l.csv", "platform 'myspace' is not one we know"),
        (b"id,hight\nx:a,B\n", "l.csv", "unknown key hight"),
        (b"id\nx:a\nX:A\n", "l.csv", "platform 'X'"),
        (b"id\nx:a\nx:A\n", "l.csv", "x:A stands in it twice"),
        (b"id\nx:a,b\n", "l.csv", "more values than columns"),
        (b"id,every_s\nrss:a,soon\n", "l.csv", "every_s"),
        (b'id,"a\n] = 1"\nx:a,b\n', "l.csv", "unknown key"),
        (b"\xff\xfe", "l.csv", "not UTF-8"),
        (b"<opml><body/></opml>", "l.opml", "names no feed"),
        (b"<opml>", "l.opml", "is no OPML"),
        (b"<html>", "l.csv", "is no OPML"),
        (b"a" * 6_000_000, "l.csv", "larger than"),
    ],
)
def test_a_list_that_cannot_be_used_says_where(content: bytes, name: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_list(content, name)


def test_text_is_turned_into_what_the_key_wants() -> None:
    source = read_source(
        {"id": "rss:a", "url": "https://a.example", "allow_internal": "yes", "owner": 'Q "uoted"'}, "it"
    )
    assert source.options["allow_internal"] is True
    assert source.owner == 'Q "uoted"'
