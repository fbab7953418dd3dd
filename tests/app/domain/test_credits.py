"""Whom a post credits, and whether it sums up a day."""

from __future__ import annotations

import pytest

from app.domain.credits import find_credits, is_round_up
from app.domain.lexicon import load_lexicon
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


def reading(text: str) -> Reading:
    read = read_text(text)
    return Reading(read, LEXICON, LEXICON.find(read))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Strike on the town via @spotter", ("@spotter",)),
        ("RT @desk_one: strike on the town", ("@desk_one",)),
        ("Strike on the town (h/t @a_b)", ("@a_b",)),
        ("According to Syria Civil Defence, two died", ("Syria Civil Defence",)),
        ("Two died, according to @rescue", ("@rescue",)),
        ("قصف على المدينة نقلا عن مراسل الوكالة، قتيلان", ("مراسل الوكالة",)),
        ("За даними ОВА, двоє загиблих", ("ОВА",)),
        ("Hello @friend, strike on the town", ()),
        ("According to the plan nothing happens", ()),
        ("per day", ()),
        ("Strike on the town", ()),
    ],
)
def test_credits_are_read(text: str, names: tuple[str, ...]) -> None:
    assert find_credits(reading(text)) == names


def test_a_digest_says_so() -> None:
    assert is_round_up(reading("حصاد الأحداث الميدانية ليوم الثلاثاء"), ())
    assert is_round_up(reading("Daily summary of strikes"), ())
    assert not is_round_up(reading("Strike on the town"), ("A",))


def test_a_list_of_towns_over_lines_is_a_round_up() -> None:
    text = "Alpha: strike\nBeta: strike\nGamma: shelling\nDelta\nEpsilon"
    read = read_text(text)
    places = [
        (index, index)
        for index, token in enumerate(read.tokens)
        if token.norm in {"alpha", "beta", "gamma", "delta", "epsilon"}
    ]
    listed = Reading(read, LEXICON, LEXICON.find(read), places)

    assert is_round_up(listed, ("a", "b", "c", "d", "e"))
    assert not is_round_up(listed, ("a", "b"))
