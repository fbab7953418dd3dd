"""The notation of the word lists and how its phrases are found in a post."""

from __future__ import annotations

import pytest

from app.domain.phrases import GAP, PhraseError, PhraseTrie, expand, steps
from app.domain.text import read_text


def found(phrase: str, text: str) -> list[str]:
    trie = PhraseTrie()
    for form in expand(phrase):
        trie.add(form, "word:x")
    return [text[hit.start : hit.end] for hit in trie.find(read_text(text))]


def test_round_brackets_are_optional_and_square_ones_a_choice() -> None:
    assert expand("strike(s)") == ["strike", "strikes"]
    assert expand("den[y|ies]") == ["deny", "denies"]
    assert (
        expand("air strike(s|d) now") == ["air strike now", "air strikes now", "air strikeds now"]
        or len(expand("air strike(s|d) now")) == 3
    )


@pytest.mark.parametrize("line", ["strike(s", "a(b(c))", "a|b", "[a|b"])
def test_brackets_that_do_not_close_are_refused(line: str) -> None:
    with pytest.raises(PhraseError, match="brackets"):
        expand(line)


def test_a_line_may_not_stand_for_thousands_of_forms() -> None:
    with pytest.raises(PhraseError, match="forms"):
        expand("[a|b|c|d|e|f|g|h|i|j]" * 4)


@pytest.mark.parametrize("form", ["~ strike", "strike ~", "!!!", "", "ab*", "=two-words"])
def test_phrases_that_could_match_nothing_or_anything_are_refused(form: str) -> None:
    with pytest.raises(PhraseError):
        steps(form)


def test_a_phrase_is_found_with_its_span() -> None:
    assert found("air strike(s)", "Two air-strikes, then an AIR STRIKE") == ["air-strikes", "AIR STRIKE"]


def test_a_stem_takes_any_ending() -> None:
    assert found("авіаудар*", "Авіаудари по місту") == ["Авіаудари"]
    assert found("авіаудар*", "авіація") == []


def test_a_gap_passes_over_three_words_of_the_sentence_and_no_more() -> None:
    assert GAP == 3
    assert found("warns ~ against", "warns Russia, Iran and against") == ["warns Russia, Iran and against"]
    assert found("warns ~ against", "warns a b c d against") == []
    assert found("warns ~ against", "warns. against") == []


def test_words_of_a_phrase_do_not_meet_over_a_comma() -> None:
    assert found("bomb explosion", "the bomb, explosion of joy") == []


def test_an_exact_word_is_written_so() -> None:
    assert found("=SAA", "SAA saa Saa") == ["SAA"]
    assert found("=US airstrike", "US airstrike, us airstrike") == ["US airstrike"]


def test_arabic_words_are_met_with_their_proclitics() -> None:
    assert found("غارة", "وبالغارة والغارة لغارة") == ["وبالغارة", "والغارة", "لغارة"]
    assert found("قوات النظام", "لقوات النظام") == ["لقوات النظام"]


def test_a_whole_hashtag_is_one_word_too() -> None:
    assert found("airstrike", "near #AirStrike today") == ["#AirStrike"]
    assert found("air strike", "#AirStrike now") == ["AirStrike"]


def test_finding_is_linear_in_the_text() -> None:
    trie = PhraseTrie()
    for form in expand("no ~ no ~ no ~ strike"):
        trie.add(form, "word:x")

    assert trie.find(read_text("no " * 3000)) == []
