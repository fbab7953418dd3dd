"""The rules that we hold on X's filtered stream: what they should be, and what to add and delete to get there.

Every rule of ours has a tag that begins with `wd:` and ends in a hash of its value, so that equal tags mean equal rules and
a rule of somebody else is never touched. An account that is read through the activity stream stands in no rule: it would be paid twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

PREFIX = "wd:"
MAX_RULE = 1024  # characters, pay-per-use
MAX_RULES = 1000
MAX_QUERY = 512  # characters of a recent search


class Change(NamedTuple):
    """`add` maps tags to values; `delete` are the ids of rules on X that nobody wants any longer."""

    add: Mapping[str, str]
    delete: tuple[str, ...]


def wanted_rules(handles: Iterable[str], queries: Sequence[str]) -> dict[str, str]:
    """Return tag to value: the accounts packed into as few rules as hold them, and each query of a watch as it is."""
    rules = {_tag("accounts", value): value for value in pack_accounts(handles, MAX_RULE)}
    rules |= {_tag("words", query): query for query in queries if 0 < len(query) <= MAX_RULE}
    return dict(list(rules.items())[:MAX_RULES])


def pack_accounts(handles: Iterable[str], limit: int) -> list[str]:
    """Return `from:a OR from:b ...`, each at most `limit` characters long."""
    packed: list[str] = []
    for handle in sorted(set(handles), key=str.casefold):
        term = f"from:{handle}"
        if packed and len(packed[-1]) + len(" OR ") + len(term) <= limit:
            packed[-1] += f" OR {term}"
        else:
            packed.append(term)
    return packed


def changes(wanted: Mapping[str, str], live: Iterable[Mapping[str, Any]]) -> Change:
    """Compare what we want with X's list of rules (`id`, `value`, maybe `tag`). Applied twice it changes nothing."""
    ours: dict[str, str] = {}
    surplus: list[str] = []
    for rule in live:
        tag = str(rule.get("tag") or "")
        if not tag.startswith(PREFIX):
            continue
        if tag in wanted and tag not in ours:
            ours[tag] = str(rule["id"])
        else:
            surplus.append(str(rule["id"]))
    return Change({tag: value for tag, value in wanted.items() if tag not in ours}, tuple(surplus))


def refused_values(reply: Mapping[str, Any]) -> dict[str, str]:
    """Return value to reason for each rule that X refused in its reply to an addition; the others of the same call stand."""
    errors = reply.get("errors")
    refused = {}
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and error.get("title") != "DuplicateRule" and error.get("value"):
            details = error.get("details")
            said = "; ".join(map(str, details)) if isinstance(details, list) else error.get("detail")
            refused[str(error["value"])] = str(said or error.get("title") or "refused")
    return refused


def _tag(kind: str, value: str) -> str:
    return f"{PREFIX}{kind}:{hashlib.sha256(value.encode()).hexdigest()[:12]}"
