from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.html_text import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Smoke <b>rises</b></p><p>over&nbsp;the &amp; port</p>", "Smoke rises\nover the & port"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<script>alert(1)</script>seen<style>p{}</style>", "seen"),
        ('<a href="https://e.example">the <span class="invisible">link</span></a>', "the link"),
        ("plain text, 3 < 4", "plain text, 3 < 4"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("قصف &#1593;لى", "قصف على"),
        ("<p>never closed", "never closed"),
        ("", ""),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(html: str, text: str) -> None:
    assert text_of(html) == text


@given(st.text(st.sampled_from("<>/&;#!-pbr \n\"'=ق"), max_size=200))
def test_no_markup_makes_it_raise(html: str) -> None:
    text_of(html)


@pytest.mark.parametrize("piece", ["<div>", "<!--", "<", "&", "<a b=", "<![CDATA[", "</p"])
def test_a_million_characters_of_anything_take_no_second(piece: str) -> None:
    began = time.perf_counter()
    text_of(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - began < 5
