"""How far a clock is from another one, and what that means: signatures, leases and every time that we show hang on ours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # a clock before this is wrong, and receivers would refuse what it signs
OFF_S = 5.0  # more is worth a look
WRONG_S = 60.0  # more is an alarm: receivers take a signature for five minutes, some for one
_SECOND = timedelta(seconds=1)


def before_build(now: datetime) -> str | None:
    """Return the sentence that says so where `now` lies before this build was made; None where it does not."""
    if now >= BUILT:
        return None
    return f"the clock says {now:%Y-%m-%d}, before this build was made ({BUILT:%Y-%m-%d}): set it"


def offset_of(theirs: datetime, asked: datetime, answered: datetime, *, exact: timedelta = timedelta(0)) -> float:
    """Return by how many seconds our clock is at least ahead of theirs (below zero: behind it).

    They looked at it between `asked` and `answered` by ours, and rounded it down to `exact`: where that explains all, it is 0.
    """
    if asked > theirs + exact:
        return (asked - theirs - exact).total_seconds()
    return min(0.0, (answered - theirs).total_seconds())


def offset_of_date(header: str | None, asked: datetime, answered: datetime) -> float | None:
    """Return what the `Date` header of a reply says of our clock; None where there is none, or it is nonsense."""
    if header is None or answered < asked:  # our own clock was set meanwhile
        return None
    try:
        theirs = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = theirs.replace(tzinfo=UTC) if theirs.tzinfo is None else theirs
    return offset_of(aware, asked, answered, exact=_SECOND)


def agreed(offsets: Iterable[float]) -> float | None:
    """Return the middle of what several clocks say, of two in the middle the one that is nearer to us; None where nobody says."""
    ordered = sorted(offsets)
    if not ordered:
        return None
    return min(ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2], key=abs)


def apart(offset_s: float) -> str:
    """Return "612 s ahead" or "3 s behind"."""
    return f"{abs(offset_s):.0f} s {'behind' if offset_s < 0 else 'ahead'}"
