"""How fast one caller may go: a bucket of tokens each, bounded in number."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple

CALLERS = 10_000  # buckets kept; whoever was not seen longest starts anew


class Rate(NamedTuple):
    """So many requests a second in the long run, and so many at once."""

    per_second: float
    burst: int


READS = Rate(100.0, 1_000)
WRITES = Rate(10.0, 100)
REFUSALS = Rate(1.0, 30)  # wrong keys from one address


class Buckets:
    """One bucket per caller, all of one rate."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> int | None:
        """Take one token at `now` (monotonic seconds). Return None where there was one, else the whole seconds until the next."""
        tokens, at = self._held.pop(caller, (float(self.rate.burst), now))
        tokens = min(float(self.rate.burst), tokens + (now - at) * self.rate.per_second)
        wait = None if tokens >= 1 else max(1, math.ceil((1 - tokens) / self.rate.per_second))
        self._held[caller] = (tokens - 1 if wait is None else tokens, now)
        while len(self._held) > CALLERS:
            self._held.popitem(last=False)
        return wait
