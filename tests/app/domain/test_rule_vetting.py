"""Rules that match nearly everything or nothing at all are refused."""

from __future__ import annotations

import time

import pytest

from app.domain.rule_vetting import common_words, refuse_over_quota, same_rule, vet_rule
from app.domain.rules import MAX_TERMS_IN_ALL, parse_rule
from app.errors import RuleError


@pytest.mark.parametrize(
    "text",
    [
        "idlib",
        "idlib -weather",
        "lang:en strike",
        "-lang:en idlib",
        "kind:air_strike",
        "claim:report",
        'near:"Idlib"',
        "strike the",
        '"the strike"',
        "from:x:bob from:bob",
        "(idlib OR hama) -idlib",
        'air -"air strike"',
        "(a1 -b1) OR (b1 -a1)",
        "idlib -(x1 OR y1)",
        "kind:shelling OR kind:air_strike",
    ],
)
def test_a_useful_rule_passes(text: str) -> None:
    vet_rule(parse_rule(text))


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", None, "needs at least one word, phrase, hashtag or place"),
        ("-weather", 1, "has only exclusions and would match nearly every post"),
        ("-a1 -b1", 1, "has only exclusions"),
        ("-(a1 b1)", 2, "has only exclusions"),
        ("idlib OR -film", 10, "would match nearly every post"),
        ("(idlib OR -film) OR hama", 11, "would match nearly every post"),
        ("lang:en", 0, "alone fits too many posts"),
        ("idlib OR lang:ar", 9, "alone fits too many posts"),
        ("kind:none", 0, "alone fits too many posts"),
        ("a", 0, "stands in nearly every post"),
        ("the", 0, "stands in nearly every post"),
        ("من", 0, "stands in nearly every post"),
        ('"of the"', 0, "stands in nearly every post"),
        ("idlib OR the", 9, "the stands in nearly every post"),
        ("idlib -idlib", 7, "can never match: idlib and -idlib exclude each other"),
        ("-idlib idlib", 1, "can never match"),
        ('"air strike" -air', 14, "can never match"),
        ("#idlib -idlib", 8, "can never match"),
        ("kind:air_strike kind:shelling", 16, "exclude each other"),
        ("from:bob from:eve", 9, "exclude each other"),
        ("from:x:bob from:telegram:bob", 11, "exclude each other"),
        ("(idlib OR hama) -idlib -hama", 24, "can never match"),
    ],
)
def test_a_useless_rule_is_refused_with_its_reason(text: str, position: int | None, said: str) -> None:
    with pytest.raises(RuleError, match=said) as caught:
        vet_rule(parse_rule(text))
    assert caught.value.position == position


def test_the_empty_rule_passes_in_the_file_only() -> None:
    vet_rule(parse_rule(""), empty_allowed=True)


def test_a_rule_of_common_words_passes_by_force() -> None:
    vet_rule(parse_rule("the"), force=True)


def test_force_lets_no_exclusion_pass() -> None:
    with pytest.raises(RuleError, match="only exclusions"):
        vet_rule(parse_rule("-the"), force=True)


def test_the_search_for_a_contradiction_is_bounded() -> None:
    terms = [f"(w{n} OR v{n} OR u{n})" for n in range(60)]
    start = time.process_time()
    vet_rule(parse_rule(" ".join(terms) + " -w1 -v1 u1"))
    with pytest.raises(RuleError, match="can never match"):
        vet_rule(parse_rule("(w1 OR v1) (u1 OR t1) -w1 -v1"))
    vet_rule(parse_rule(" ".join(f"(w{n} OR -w{n + 1})" for n in range(60)) + " w0"))
    assert time.process_time() - start < 2


def test_common_words_are_in_their_match_form() -> None:
    assert {"the", "من", "علي", "не"} <= common_words()
    assert "idlib" not in common_words()


def test_all_rules_together_have_a_quota_of_terms() -> None:
    rule = " ".join(f"w{number}" for number in range(200))
    refuse_over_quota([rule] * (MAX_TERMS_IN_ALL // 200) + ["broken ("])
    with pytest.raises(RuleError, match="50,200 terms; at most 50,000"):
        refuse_over_quota([rule] * (MAX_TERMS_IN_ALL // 200 + 1))


@pytest.mark.parametrize(
    "other", ["idlib strike", "idlib  (strike)", "((idlib) strike)", "idlib AND strike", "idlib, strike"]
)
def test_rules_that_differ_in_spaces_and_needless_brackets_are_the_same(other: str) -> None:
    assert same_rule("idlib strike", other)


@pytest.mark.parametrize("other", ["strike idlib", "idlib OR strike", '"idlib strike"', "idlib ("])
def test_rules_that_read_otherwise_are_not_the_same(other: str) -> None:
    assert not same_rule("idlib strike", other)
