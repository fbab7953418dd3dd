"""What to send next to one destination, from what is due: pure.

Severe before slight and fresh before stale between incidents; the alerts of one incident in the order in which they were raised.
Where people read, alerts of one incident that wait together go out as the newest of them, and a backlog goes out as digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH = timedelta(seconds=90)  # an alert that waited longer has waited out an outage, not a queue
DIGEST_MAX = 60  # alerts in one digest: as many lines fit into a message


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is due. `created_at` is when it was stored, `order` its alert's number."""

    id: str
    incident: str
    severity: int
    created_at: datetime
    order: int
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Either `single` messages, each the deliveries that it settles (the last one is what it says), or one digest."""

    single: tuple[tuple[Due, ...], ...] = ()
    digest: tuple[Due, ...] = ()


def ordered(due: Sequence[Due]) -> list[list[Due]]:
    """Return the due deliveries by incident, the incident to tell first in front."""
    groups: dict[str, list[Due]] = {}
    for one in due:
        groups.setdefault(one.incident or one.id, []).append(one)
    for group in groups.values():
        group.sort(key=lambda one: (one.created_at, one.order))
    return sorted(
        groups.values(),
        key=lambda group: (max(one.severity for one in group), group[-1].created_at, group[-1].order),
        reverse=True,
    )


def probe(due: Sequence[Due]) -> list[Due]:
    """Return those of the due deliveries that were tried least: what fails by itself must not be the only probe."""
    least = min((one.attempts for one in due), default=0)
    return [one for one in due if one.attempts == least]


def plan(due: Sequence[Due], now: datetime, *, gathers: bool, digest_after: int, limit: int) -> Plan:
    """Return what to send next: at most `limit` messages, or one digest of what is stale when more than `digest_after` wait."""
    groups = ordered(due)
    if not gathers:
        return Plan(
            single=tuple((group[0],) for group in groups)[:limit]
        )  # an incident's alerts go one after the other
    fresh = [group for group in groups if now - group[-1].created_at <= FRESH]
    crowded = len(due) > digest_after
    if crowded and (not fresh or len(fresh) > digest_after):
        return Plan(digest=tuple(_whole_groups(groups if len(fresh) > digest_after else _stale(groups, now))))
    return Plan(single=tuple(tuple(group) for group in (fresh if crowded else groups)[:limit]))


def _stale(groups: Sequence[list[Due]], now: datetime) -> list[list[Due]]:
    return [group for group in groups if now - group[-1].created_at > FRESH]


def _whole_groups(groups: Sequence[list[Due]]) -> list[Due]:
    taken: list[Due] = []
    for group in groups:
        if taken and len(taken) + len(group) > DIGEST_MAX:
            break
        taken.extend(group)
    return taken
