from __future__ import annotations

from app.domain.platform_terms import REASON, within_terms
from app.messages import Tags

PROTEST = Tags(kind="protest", claim="report", reasons=("protest: marched",))


def test_a_protest_on_x_is_nothing_to_the_desk_until_the_operator_says_so() -> None:
    off = within_terms(PROTEST, "x", protests_from_x=False)
    assert off is not None
    assert (off.kind, off.claim, off.reasons) == ("none", "none", (*PROTEST.reasons, REASON))
    assert within_terms(PROTEST, "x", protests_from_x=True) is PROTEST


def test_nothing_else_is_touched() -> None:
    strike = Tags(kind="air_strike", claim="report")
    assert within_terms(strike, "x", protests_from_x=False) is strike
    assert within_terms(PROTEST, "mastodon", protests_from_x=False) is PROTEST
    assert within_terms(None, "x", protests_from_x=False) is None
