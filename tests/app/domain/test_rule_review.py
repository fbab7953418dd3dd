"""A rule that a person hands in."""

from __future__ import annotations

import pytest

from app.domain.rule_review import review_rule
from app.domain.rules import MAX_TERMS_IN_ALL
from app.domain.watches import Watch
from app.errors import RuleError, SameRuleError
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()


def test_a_good_rule_comes_back_ready_with_its_notes() -> None:
    compiled = review_rule("near:Idlib kind:air_strike", GAZETTEER, others=[Watch("other", "hama")])
    assert compiled.rule.text == "near:Idlib kind:air_strike"
    assert compiled.notes


@pytest.mark.parametrize("text", ["", "idlib (", "-film", "the", "near:Xyzzyqwv"])
def test_a_rule_of_no_use_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        review_rule(text, GAZETTEER)


def test_common_words_pass_by_force() -> None:
    review_rule("the", GAZETTEER, force=True)


def test_the_rule_of_another_watch_is_refused_with_its_name() -> None:
    with pytest.raises(SameRuleError, match="'first' has the same rule") as caught:
        review_rule("idlib  (strike)", GAZETTEER, others=[Watch("bad", "("), Watch("first", "idlib strike")])
    assert (caught.value.watch, caught.value.status) == ("first", 409)


def test_a_rule_beyond_the_quota_of_all_is_refused() -> None:
    full = " ".join(f"w{number}" for number in range(200))
    others = [Watch(str(number), f"{full[:-4]}{number:04}") for number in range(MAX_TERMS_IN_ALL // 200)]
    with pytest.raises(RuleError, match="all rules together"):
        review_rule("idlib", GAZETTEER, others=others)
