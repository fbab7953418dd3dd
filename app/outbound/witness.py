"""What the `Date` headers of those whom we call say of our own clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from app.clock import Clock
from app.domain.clocks import agreed, offset_of_date

KEPT_S = 3600.0  # so long the word of a host counts
HOSTS = 100  # destinations are few: it is a bound, not a choice


class Seen(NamedTuple):
    """How many seconds our clock is ahead now (below zero: behind), by the word of so many hosts."""

    offset_s: float
    hosts: int


class _Heard(NamedTuple):
    """When a host was heard by our monotonic clock, and how far its own clock runs ahead of that one."""

    at: float
    ahead_s: float


class ClockWitness:
    """Hears replies, of each host the last one. Held against the monotonic clock: when ours is set right, that shows at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: dict[str, _Heard] = {}

    def hear(self, host: str, headers: Mapping[str, str], asked: datetime, answered: datetime) -> None:
        """Take the word of a reply, asked for and answered at these times of our clock."""
        if "Age" in headers:  # out of a cache: its date is that of another reply
            return
        offset = offset_of_date(headers.get("Date"), asked, answered)
        if offset is None:
            return
        at = self._clock.monotonic()
        self._heard.pop(host, None)
        self._heard[host] = _Heard(at, answered.timestamp() - offset - at)
        while len(self._heard) > HOSTS:
            del self._heard[next(iter(self._heard))]

    def seen(self) -> Seen | None:
        """Return what the hosts of the last hour say; None where none was heard."""
        now, at = self._clock.now().timestamp(), self._clock.monotonic()
        offsets = [now - at - one.ahead_s for one in self._heard.values() if at - one.at < KEPT_S]
        middle = agreed(offsets)
        return None if middle is None else Seen(middle, len(offsets))
