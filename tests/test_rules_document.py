"""docs/rules.md says what the rule language does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domain.rule_ast import FIELDS
from app.domain.rule_vetting import vet_rule
from app.domain.rules import MAX_TERMS, MAX_TERMS_IN_ALL, parse_rule
from app.errors import RuleError

TEXT = (Path(__file__).parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
GOOD, REFUSED = TEXT.split("## What is refused")


def examples(part: str) -> list[str]:
    """The rules in the first column of a part's table."""
    cells = [line.split(" | ")[0] for line in part.splitlines() if line.startswith("| `")]
    return [rule for cell in cells for rule in re.findall(r"`([^`]+)`", cell)]


@pytest.mark.parametrize("rule", examples(GOOD))
def test_every_example_can_be_used(rule: str) -> None:
    parsed = parse_rule(rule)
    if not rule.startswith("lang:"):  # which needs company, as the document says
        vet_rule(parsed)


@pytest.mark.parametrize("rule", examples(REFUSED))
def test_every_rule_that_is_said_to_be_refused_is_refused(rule: str) -> None:
    with pytest.raises(RuleError):
        vet_rule(parse_rule(rule))


def test_every_operator_and_limit_is_told() -> None:
    shown = {term.op for rule in examples(GOOD) for term in parse_rule(rule).terms()}
    assert set(FIELDS) <= shown
    assert f"{MAX_TERMS} terms" in TEXT
    assert f"{MAX_TERMS_IN_ALL:,} terms" in TEXT
