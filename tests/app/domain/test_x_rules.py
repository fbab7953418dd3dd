"""What we register upstream lets through at least what our rule takes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rule_ast import Op, Term, holds
from app.domain.rule_match import CompiledRule, PostWords
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.domain.x_rules import to_x_rule
from app.messages import Post, Tags


def upstream(text: str, **options: int) -> list[str]:
    return to_x_rule(parse_rule(text), **options)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("idlib (strike OR raid) -film", "idlib (strike OR raid)"),
        ("idlib kind:air_strike near:Idlib", "idlib"),
        ("(a1 OR (b1 c1)) d1", "(a1 OR b1 c1) d1"),
        ("from:@Bob -lang:en", "from:bob -lang:en"),
        ("from:x:Bob", "from:bob"),
        ("lang:iw idlib", "(lang:iw OR lang:und) idlib"),
        ("lang:he idlib", "(lang:iw OR lang:und) idlib"),
        ("Café", "Café OR cafe"),
        ('"al-Bab" @desk', '("al-Bab" OR "al bab") @desk'),
        ("#حلب", "#حلب"),
        ("-(idlib OR from:eve) strike", "-from:eve strike"),
    ],
)
def test_a_rule_goes_up_in_xs_own_words(ours: str, theirs: str) -> None:
    assert upstream(ours) == [theirs]


@pytest.mark.parametrize(
    "ours", ["", "kind:air_strike", "near:Idlib", "kind:shelling OR idlib", "from:telegram:bob", "lang:ar"]
)
def test_a_rule_that_x_cannot_say_goes_up_as_none(ours: str) -> None:
    assert upstream(ours) == []


def test_an_arabic_word_goes_up_with_its_hamza_forms_and_particles() -> None:
    (rule,) = upstream("إدلب")
    assert set(rule.split(" OR ")) >= {"إدلب", "ادلب", "أدلب", "وادلب", "بادلب"}
    (rule,) = upstream("الرقة")
    assert set(rule.split(" OR ")) >= {"الرقة", "الرقه", "والرقة", "بالرقة", "للرقة"}


def test_180_accounts_go_up_as_few_rules_and_none_is_lost() -> None:
    rules = upstream(" OR ".join(f"from:account_{number}" for number in range(180)))
    assert len(rules) == 4
    assert max(map(len, rules)) <= 1_024
    assert sum(rule.count("from:") for rule in rules) == 180


def test_a_long_conjunction_is_cut_at_its_alternatives() -> None:
    rules = upstream("strike (" + " OR ".join(f"town{number}" for number in range(150)) + ")")
    assert len(rules) > 1
    assert all(len(rule) <= 1_024 and rule.startswith("strike (") for rule in rules)
    assert len({word for rule in rules for word in rule.split() if word.strip("()").startswith("town")}) == 150


def test_a_conjunction_without_alternatives_loses_its_longest_parts() -> None:
    assert upstream("aaaa bbbbbbbb cc", max_length=8) == ["aaaa cc"]


words = st.sampled_from(
    ["idlib", "Hama", "إدلب", "غارة", "الرقة", '"air strike"', "#Idlib", "from:eve", "lang:ar", "kind:air_strike"]
)
rules = st.recursive(
    words,
    lambda inner: st.one_of(
        inner.map(lambda part: f"-({part})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
    ),
    max_leaves=8,
)
texts = st.lists(
    st.sampled_from(
        ["idlib", "HAMA", "إدلب", "أدلب", "وادلب", "غارة", "غاره", "الغارة", "بالرقة", "air strike", "#idlib", "x"]
    ),
    max_size=6,
).map(" ".join)


def lets_through(rule: str, text: str, author: str, lang: str) -> bool:
    """X compares letter by letter, whatever the case."""
    said = text.casefold().replace("#", "# ").split()

    def has(term: Term) -> bool:
        value = term.value.casefold()
        if term.op is Op.HASHTAG:
            return f"#{value}" in text.casefold().split()
        if term.op is Op.FROM:
            return value == author
        if term.op is Op.LANG:
            return value == lang
        return f" {value} " in f" {' '.join(said)} "

    node = parse_rule(rule).node
    assert node is not None
    return holds(node, has)


@settings(max_examples=300, deadline=None)
@given(
    rules, texts, st.sampled_from(["eve", "adam"]), st.sampled_from(["ar", "en", "und"]), st.sampled_from([50, 1_024])
)
def test_nothing_that_our_rule_takes_is_kept_back_upstream(
    ours: str, text: str, author: str, lang: str, longest: int
) -> None:
    rule = parse_rule(ours)
    going_up = to_x_rule(rule, max_length=longest)
    post = Post("x:1", "1", "x", author, text=text, lang=lang)
    taken = CompiledRule(rule, {}).match_words(PostWords(post, read_text(text), Tags(lang="ar", kind="air_strike")))
    assert all(len(one) <= longest for one in going_up)
    if taken is not None and going_up:
        assert any(lets_through(one, text, author, lang) for one in going_up)
