from __future__ import annotations

from producers.x_rules import MAX_RULE, changes, pack_accounts, refused_values, wanted_rules


def test_accounts_are_packed_into_as_few_rules_as_hold_them() -> None:
    handles = [f"correspondent_{n:03}" for n in range(120)]
    packed = pack_accounts(handles, MAX_RULE)
    assert len(packed) == 4
    assert all(len(rule) <= MAX_RULE for rule in packed)
    assert [term.removeprefix("from:") for rule in packed for term in rule.split(" OR ")] == handles


def test_what_is_wanted_and_live_is_neither_added_nor_deleted() -> None:
    wanted = wanted_rules(["ridge", "valley"], ["(dam OR levee) burst"])
    assert sorted(wanted.values()) == ["(dam OR levee) burst", "from:ridge OR from:valley"]
    live = [{"id": str(n), "tag": tag, "value": value} for n, (tag, value) in enumerate(wanted.items())]
    change = changes(wanted, live)
    assert (change.add, change.delete) == ({}, ())


def test_what_changed_is_replaced_doubles_go_and_strangers_stay() -> None:
    wanted = wanted_rules(["ridge"], [])
    (tag,) = wanted
    live = [
        {"id": "1", "tag": "wd:accounts:000000000000", "value": "from:old"},
        {"id": "2", "tag": "somebody", "value": "cats"},
        {"id": "3", "value": "dogs"},
        {"id": "4", "tag": tag, "value": "from:ridge"},
        {"id": "5", "tag": tag, "value": "from:ridge"},
    ]
    assert changes(wanted, live) == ({}, ("1", "5"))
    assert changes(wanted, live[:3]) == (wanted, ("1",))


def test_partial_errors_name_the_rule_and_a_duplicate_is_none() -> None:
    reply = {
        "errors": [
            {"value": "sample:101", "title": "UnprocessableEntity", "details": ["sample must be 1 to 100", "twice"]},
            {"value": "cats", "title": "DuplicateRule", "id": "7"},
            {"title": "no value"},
            "nonsense",
        ]
    }
    assert refused_values(reply) == {"sample:101": "sample must be 1 to 100; twice"}
    assert refused_values({}) == {}


def test_a_rule_that_is_too_long_for_x_is_left_out() -> None:
    assert wanted_rules([], ["a" * 1025, ""]) == {}
