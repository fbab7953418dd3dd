"""The rule language: what is read, and how a fault is told."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.rule_ast import And, Not, Op, Or, Term, written
from app.domain.rules import MAX_BYTES, parse_rule
from app.errors import RuleError


def read(text: str) -> str:
    node = parse_rule(text).node
    assert node is not None
    return written(node)


def refusal(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        parse_rule(text)
    assert caught.value.rule in {text, ""}
    return caught.value


def only_term(text: str) -> Term:
    (term,) = parse_rule(text).terms()
    return term


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("idlib strike", "idlib strike"),
        ("a OR b c", "a OR (b c)"),
        ("(a OR b) c", "(a OR b) c"),
        ("idlib -weather -(film OR cinema)", "idlib -weather -(film OR cinema)"),
        ("idlib AND strike", "idlib strike"),
        ("idlib NOT weather", "idlib -weather"),
        ("idlib NOT (a OR b)", "idlib -(a OR b)"),
        ("a | b || c", "a OR b OR c"),
        ("a|b", "a OR b"),
        ("a && b", "a b"),
        ("idlib, hama", "idlib hama"),
        ("إدلب، حماة", "إدلب حماة"),
        ("“Deir ez-Zor”", '"Deir ez-Zor"'),
        ("«عاجل الآن»", '"عاجل الآن"'),
        ("„Deir ez-Zor“", '"Deir ez-Zor"'),
        ("al-Bab", '"al-Bab"'),
        ("−weather idlib", "-weather idlib"),
        ("-(-idlib)", "idlib"),
        ("#JisrShoghur @SyriaCivilDef", "#JisrShoghur @SyriaCivilDef"),
        ("＃idlib", "#idlib"),
        ("from:@SyriaCivilDef", "from:SyriaCivilDef"),
        ("from:x:SyriaCivilDef", "from:x:SyriaCivilDef"),
        ("KIND:Air_Strike claim:report", "kind:air_strike claim:report"),
        ('kind:"air strike"', "kind:air_strike"),
        ("near:Idlib", 'near:"Idlib"~25km'),
        ('near:"Jisr al-Shughour"~10km', 'near:"Jisr al-Shughour"~10km'),
        ("near:“جسر الشغور”~2.5", 'near:"جسر الشغور"~2.5km'),
        ("near:Idlib~10mi", 'near:"Idlib"~16.09km'),
        ('place:"Tripoli, Libya"', 'place:"Tripoli, Libya"'),
        ('actor:"Islamic State"', 'actor:"Islamic State"'),
        ('"or" idlib', '"or" idlib'),
        ("a\n  b\t c", "a b c"),
    ],
)
def test_a_rule_is_read(text: str, same: str) -> None:
    assert read(text) == same


def test_and_binds_tighter_than_or() -> None:
    node = parse_rule("a b OR c").node
    assert isinstance(node, Or)
    assert isinstance(node.children[0], And)


def test_terms_hold_where_they_stand() -> None:
    text = 'idlib -("air strike" OR #Hama)'
    assert [text[term.start : term.end] for term in parse_rule(text).terms()] == ["idlib", '"air strike"', "#Hama"]


def test_words_are_kept_in_their_match_form() -> None:
    assert only_term("إِدْلِب").norms == only_term("ادلب").norms
    assert only_term("ŞAM").norms == only_term("sam").norms
    assert only_term("ИДЛИБ").norms == ("идлиб",)


def test_a_hebrew_acronym_holds_its_quote() -> None:
    assert only_term('צה"ל').norms == ("צה", "ל")


def test_a_phrase_of_one_word_is_a_word() -> None:
    assert only_term('"idlib"').op is Op.WORD


def test_hebrew_and_indonesian_have_two_codes_each_that_mean_the_same() -> None:
    assert only_term("lang:iw").norms == only_term("lang:he").norms
    assert only_term("lang:in").norms == only_term("lang:id").norms


@pytest.mark.parametrize("text", ["", " \n "])
def test_the_empty_rule_has_no_tree(text: str) -> None:
    assert parse_rule(text).node is None


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ('idlib "strike', 6, "this quote is not closed"),
        ("idlib «strike", 6, "this quote is not closed"),
        ("idlib strike»", 12, "closes no quote"),
        ("(idlib strike", 0, "this bracket is not closed"),
        ("(a (b c)", 0, "this bracket is not closed"),
        ("idlib)", 5, "this bracket closes nothing"),
        ("idlib ()", 7, "a term is missing before this bracket"),
        ("idlib OR", 8, "a term is missing at the end"),
        ("OR idlib", 0, "OR needs a term on both sides"),
        ("idlib OR OR hama", 9, "OR needs a term on both sides"),
        ("idlib AND", 9, "a term is missing at the end"),
        ("idlib - hama", 6, "- must touch the term"),
        ("idlib --hama", 7, "one - is enough"),
        ("idlib or hama", 6, "write OR for the operator"),
        ("idlib and hama", 6, "write AND for the operator"),
        ("إدلب أو حماة", 5, "write OR for the operator"),
        ("strike*", 0, "there is no wildcard"),
        ("/(a+)+$/", 0, "/ has no letter or digit"),
        ("/a+/", 0, "there are no regular expressions"),
        ("💥", 0, "has no letter or digit"),
        ("idlib \u200b\u200b!", 6, "has no letter or digit"),
        ('"..."', 0, "has no letter or digit"),
        ("#", 0, "# needs a name right after it"),
        ('"a b"~4', 5, "~4 after a phrase is not offered"),
        ("foo:bar", 0, "there is no operator foo:"),
        ("form:bob", 0, "did you mean from:?"),
        ("author:bob", 0, "did you mean from:?"),
        ("https://example.org", 0, "there is no operator https:"),
        ("from:", 5, "needs a value"),
        ("kind:airstrike", 5, "did you mean air_strike?"),
        ("claim:reported", 6, "did you mean report?"),
        ("lang:english", 5, "is not a language code"),
        ("place:Idlib~5km", 11, "a distance goes with near:"),
        ('near:"Idlib"~-1km', 12, "write the distance as"),
        ('near:"Idlib"~0km', 12, "is out of range 0.1 to 500"),
        ('near:"Idlib"~501km', 12, "is out of range 0.1 to 500"),
        ('near:"Idlib"~999999999km', 12, "is out of range 0.1 to 500"),
        ('near:"!"', 5, "names no place"),
    ],
)
def test_a_fault_is_told_with_its_position(text: str, position: int, said: str) -> None:
    error = refusal(text)
    assert said in error.detail
    assert error.position == position


def test_a_fault_can_be_shown_with_a_caret() -> None:
    assert refusal("idlib )").with_caret().splitlines() == ["this bracket closes nothing", "  idlib )", "        ^"]


def test_more_than_200_terms_are_refused_at_the_first_too_many() -> None:
    error = refusal(" ".join(["abc"] * 201))
    assert "201 terms" in error.detail
    assert error.position == 200 * 4
    assert sum(1 for _ in parse_rule(" ".join(["abc"] * 200)).terms()) == 200


def test_more_than_4_kib_are_refused() -> None:
    assert "4,098 bytes" in refusal("x" * (MAX_BYTES + 2)).detail


def test_brackets_stand_at_most_20_deep() -> None:
    parse_rule("(" * 20 + "a" + ")" * 20)
    assert refusal("(" * 21 + "a" + ")" * 21).position == 20


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "(" * 4_000, "-" * 4_000, '"' * 4_001, "a OR " * 800 + "b", "-(" * 2_000]
)
def test_a_bomb_is_refused_quickly(text: str) -> None:
    parse_rule("warm up the parser")
    start = time.process_time()
    refusal(text)
    assert time.process_time() - start < 0.1


def test_rules_that_mean_the_same_to_the_letter_have_one_key() -> None:
    assert parse_rule("idlib  ( strike )").key == parse_rule("idlib strike").key
    assert parse_rule("“a b”").key == parse_rule('"a b"').key
    assert parse_rule("a b").key != parse_rule("a OR b").key


@given(st.text(alphabet='ab عdOR()"«»-#@:,~ \n\t*/|&12kmnear', max_size=60))
def test_any_text_is_read_or_refused_within_its_bounds_and_can_be_written_again(text: str) -> None:
    try:
        rule = parse_rule(text)
    except RuleError as error:
        position = error.position
        assert position is None or 0 <= position <= len(text)
        return
    if rule.node is not None:
        assert parse_rule(written(rule.node)).key == rule.key


def test_a_negated_group_is_kept_as_one() -> None:
    node = parse_rule("-(a OR b) c").node
    assert isinstance(node, And)
    assert isinstance(node.children[0], Not)
