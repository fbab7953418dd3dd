"""When to try again: pure functions of what happened, with the jitter given by the caller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EXPIRY = timedelta(hours=72)
RETRY_AFTER_CAP_S = 3600.0
RETRY_AFTER_DEFAULT_S = 60.0  # for a 429 that does not say
# Between two attempts at a destination that is down, by how long it has been failing: news is worth a probe a minute for two hours.
_PROBES = ((timedelta(hours=2), 60.0), (timedelta(hours=12), 300.0), (EXPIRY, 900.0))
STRIKES = 3  # failures in a row that make it down
REFUSALS = 20  # answers in a row that do not want us, after which it is switched off
JITTER = 0.1

# News is old within the hour: a dense head, then up to the expiry.
_MINUTE, _HOUR = 60.0, 3600.0
WAITS_S = (
    *(1.0, 5.0, 15.0, 30.0),
    *(1 * _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(1 * _HOUR, 2 * _HOUR, 4 * _HOUR),
)


def wait_after(attempts: int, jitter: float) -> float:
    """Return the seconds to wait after so many failed attempts (1 or more); `jitter` in 0..1 spreads it by up to a tenth each way."""
    base = WAITS_S[min(attempts, len(WAITS_S)) - 1]
    return base * (1 - JITTER + 2 * JITTER * jitter)


def probe_gap(failing_for: timedelta) -> float:
    """Return the seconds to leave between two probes of a destination that has been failing for so long."""
    return next((gap for until, gap in _PROBES if failing_for < until), _PROBES[-1][1])


def expired(created_at: datetime, now: datetime) -> bool:
    return now - created_at >= EXPIRY


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, capped at an hour; None where there is none or it is nonsense."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), RETRY_AFTER_CAP_S)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), RETRY_AFTER_CAP_S)


@dataclass(frozen=True, slots=True)
class Circuit:
    """How a destination fares. `failures` in a row, of which the last `refusals` were answers; closed while `paused_until` is past."""

    failures: int = 0
    refusals: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None

    @property
    def down(self) -> bool:
        return self.failures >= STRIKES

    def paused(self, now: datetime) -> bool:
        return self.paused_until is not None and now < self.paused_until

    def dead(self, now: datetime) -> bool:
        """Whether it should be switched off: it refused too often, or has not worked for as long as an alert may wait."""
        return self.refusals >= REFUSALS or (self.failing_since is not None and now - self.failing_since >= EXPIRY)


def after_failure(circuit: Circuit, now: datetime, *, refused: bool, retry_after: float | None) -> Circuit:
    """Return the circuit after a failure: paused for as long as the other side asks, and for the probe's gap once it is down."""
    failed = replace(
        circuit,
        failures=circuit.failures + 1,
        refusals=circuit.refusals + 1 if refused else 0,
        failing_since=circuit.failing_since or now,
    )
    probe = probe_gap(now - (failed.failing_since or now)) if failed.down else 0.0
    pause = max(probe, retry_after or 0.0)
    return replace(failed, paused_until=now + timedelta(seconds=pause) if pause else None)
