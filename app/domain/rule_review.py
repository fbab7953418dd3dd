"""A rule that a person hands in: read, vetted, its places found, and compared with those that are there already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.domain.rule_match import CompiledRule
from app.domain.rule_places import compile_rule
from app.domain.rule_vetting import refuse_over_quota, vet_rule
from app.domain.rules import parse_rule
from app.domain.watches import Watch
from app.errors import RuleError, SameRuleError

if TYPE_CHECKING:
    from app.domain.gazetteer import Gazetteer


def review_rule(text: str, gazetteer: Gazetteer, *, others: Iterable[Watch] = (), force: bool = False) -> CompiledRule:
    """Return the rule ready to match. `others` are the watches in force besides the one that is written.

    Raises `RuleError` where it cannot be used (`force` lets one of common words pass), `SameRuleError` where another watch has it.
    """
    rule = parse_rule(text)
    vet_rule(rule, force=force)
    compiled = compile_rule(rule, gazetteer)
    rules = [rule]
    for other in others:
        try:
            theirs = parse_rule(other.rule)
        except RuleError:
            continue  # told at the start and by `config check`; no reason to refuse this one
        if theirs.key == rule.key:
            raise SameRuleError(other.name)
        rules.append(theirs)
    refuse_over_quota(rules)
    return compiled
