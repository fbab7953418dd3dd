"""A text with its words, as the readers ask about it."""

from __future__ import annotations

from app.domain.lexicon import load_lexicon
from app.domain.reading import MOST_HITS, Reading, overlaps, token_span
from app.domain.text import read_text

LEXICON = load_lexicon()


def reading(text: str) -> Reading:
    read = read_text(text)
    return Reading(read, LEXICON, LEXICON.find(read))


def test_words_are_found_by_family_and_by_class() -> None:
    read = reading("Airstrike killed 3")

    assert [read.surface(hit) for hit in read.family("kind")] == ["Airstrike"]
    assert [read.surface(hit) for hit in read.family("killed")] == ["killed"]
    assert read.family("cue") == ()


def test_a_family_is_bounded() -> None:
    assert len(reading("airstrike " * 900).family("kind")) == MOST_HITS


def test_a_comma_is_a_pause_and_a_space_is_none() -> None:
    read = reading("one, two three")

    assert read.pause(0, 1)
    assert not read.pause(1, 2)


def test_a_sentence_asks_in_every_script() -> None:
    assert reading("was it a strike?").asks(0)
    assert reading("هل هناك قصف؟").asks(0)
    assert not reading("a strike. was it?").asks(0)
    assert reading("a strike. was it?").asks(1)


def test_sentences_of_hashtags_speak_of_the_whole_post() -> None:
    read = reading("Strike on the town.\n#RuAF #Syria")

    assert read.only_hashtags() == {1}


def test_a_hashtag_tells_of_a_hazard() -> None:
    assert reading("roads closed #KeralaFloods").hazard
    assert not reading("strike on the town #ceasefire").hazard


def test_spans_of_text_become_spans_of_tokens() -> None:
    read = read_text("one two three")

    assert token_span(read.tokens, 4, 13) == (1, 2)
    assert token_span(read.tokens, 5, 6) is None


def test_hits_overlap_spans() -> None:
    read = reading("an airstrike today")
    (hit,) = read.family("kind")

    assert overlaps(hit, [(0, 1)])
    assert not overlaps(hit, [(2, 2)])
