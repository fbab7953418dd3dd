"""The ledger of ingest ids: which were decided, and as what, so that a redelivery changes nothing.

received = stored + duplicate + quarantined + dropped + in flight, over distinct ingest ids.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class Ranges:
    """A set of whole numbers kept as sorted, disjoint, inclusive ranges: one range for a spool read in order."""

    def __init__(self, ranges: list[tuple[int, int]] | None = None) -> None:
        self._first = [first for first, _ in sorted(ranges or [])]
        self._last = [last for _, last in sorted(ranges or [])]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._first, number) - 1
        return at >= 0 and number <= self._last[at]

    def add(self, number: int) -> None:
        if number in self:
            return
        at = bisect_right(self._first, number)
        joins_left = at > 0 and self._last[at - 1] == number - 1
        joins_right = at < len(self._first) and self._first[at] == number + 1
        if joins_left and joins_right:
            self._last[at - 1] = self._last.pop(at)
            del self._first[at]
        elif joins_left:
            self._last[at - 1] = number
        elif joins_right:
            self._first[at] = number
        else:
            self._first.insert(at, number)
            self._last.insert(at, number)

    def ranges(self) -> list[tuple[int, int]]:
        return list(zip(self._first, self._last, strict=True))

    def copy(self) -> Ranges:
        other = Ranges()
        other._first, other._last = self._first.copy(), self._last.copy()
        return other

    def total(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges())


class Balance(msgspec.Struct, frozen=True):
    """The conservation law in numbers. `in_flight` is 0 at rest; a negative one would mean that something was counted twice."""

    received: int
    stored: int
    duplicate: int
    quarantined: int
    dropped: int
    empty_lines: int = 0

    @property
    def in_flight(self) -> int:
        return self.received - self.stored - self.duplicate - self.quarantined - self.dropped
