from __future__ import annotations

import msgspec

from app.domain.platform_terms import REASON, within_terms
from app.messages import Item, Tags
from tests.wire import DeskInMemory, Wire, tags

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


def march(wire: Wire, number: str, platform: str = "x") -> Item:
    item = wire.item(number, said=tags(kind="protest"))
    assert item.post is not None
    post = msgspec.structs.replace(item.post, id=f"{platform}:{number}", platform=platform)
    return msgspec.structs.replace(item, post=post)


def test_a_protest_told_on_x_is_stored_opens_nothing_and_is_counted_until_somebody_signs_for_it() -> None:
    wire, held, signed = Wire(), DeskInMemory(), DeskInMemory()
    signed.desk.rules = msgspec.structs.replace(signed.desk.rules, protests_from_x=True)
    told = march(wire, "1")
    assert held.feed(told) == []
    assert held.incidents() == []
    assert [taken.post.id for taken in held.changes.taken] == ["x:1"]
    assert held.changes.suppressed == {"terms": 1}
    assert [alert.step for alert in signed.feed(told)] == ["first"]
    assert signed.changes.suppressed == {}


def test_a_protest_told_on_x_adds_nothing_to_what_others_told() -> None:
    wire, desk = Wire(), DeskInMemory()
    assert [alert.step for alert in desk.feed(march(wire, "1", "mastodon"))] == ["first"]
    assert desk.feed(march(wire, "2"), wire.item("3", said=tags(kind="protest", claim="denial"))) == []
    assert [incident.posts for incident in desk.incidents()] == [("1",)]
