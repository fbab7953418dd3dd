"""Capitals cut a hashtag only where that tears no abbreviation."""

import pytest

from app.domain.text import read_text


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("#SaveIdlib", ["save", "idlib"]),
        ("#SAAStrikes", ["saa", "strikes"]),
        ("#McCain", ["mccain"]),
        ("#HTS", ["hts"]),
        ("#الغوطةGhouta", ["الغوطه", "ghouta"]),
        ("#Kafr_Nabl2019", ["kafr", "nabl", "2019"]),
        ("#AlBab", ["al", "bab"]),
    ],
)
def test_parts_of_a_tag(tag: str, parts: list[str]) -> None:
    read = read_text(tag)
    assert [token.norm for token in read.tokens] == parts
    assert all(token.in_hashtag for token in read.tokens)
