from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from producers.x_budget import Budget

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_posts_are_charged_to_source_and_rules_once_a_day() -> None:
    budget = Budget(None, None)
    for _ in range(2):
        budget.count_post("1", "x:ridge", ("wd:a", "wd:b"), NOON)
    budget.count_post("2", "x:ridge", ("wd:a",), NOON)
    assert budget.spent.total == pytest.approx(0.010)
    assert budget.spent.sources == {"x:ridge": pytest.approx(0.010)}
    assert budget.spent.rules == {"wd:a": pytest.approx(0.0075), "wd:b": pytest.approx(0.0025)}
    assert budget.left(NOON) is None


def test_the_ceiling_holds_over_a_restart_and_is_lifted_at_midnight_utc() -> None:
    budget = Budget(0.05, None)
    for number in range(9):
        budget.count_post(str(number), "x:ridge", (), NOON)
    assert (budget.exhausted(NOON), budget.left(NOON)) == (False, 1)
    budget.count_post("10", "x:ridge", (), NOON)
    again = Budget(0.05, budget.state())
    assert (again.exhausted(NOON), again.left(NOON)) == (True, 0)
    assert "$0.05" in again.said()
    midnight = NOON + timedelta(seconds=Budget.until_tomorrow(NOON))
    assert midnight == datetime(2026, 3, 2, tzinfo=UTC)
    assert not again.exhausted(midnight)
    assert again.left(midnight) == 10


def test_users_cost_twice_a_post() -> None:
    budget = Budget(None, None)
    budget.count_users(3, NOON)
    assert budget.spent.total == pytest.approx(0.03)
