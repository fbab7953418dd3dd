"""Which given times can be believed, and how a time is read from a line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(2006, 3, 21, tzinfo=UTC)  # the first public post on X; none of the platforms that we read is older
AHEAD = timedelta(minutes=5)  # how far a well-kept clock elsewhere may run before ours


def plausible(at: datetime, wall: datetime) -> bool:
    """Say whether a post can have been made at `at`, seen from the wall time `wall`."""
    return EARLIEST <= at <= wall + AHEAD


def read_time(value: object) -> datetime | None:
    """Return the UTC time that `value` writes in ISO 8601; None where it writes none. A time without a zone is UTC."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
