"""an alert -> where it goes, under which id and how urgently: pure."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.exercises import NOWHERE
from app.domain.incidents import digest
from app.messages import AlertMessage

TOPIC = "topic:alerts"  # the built-in destination: topic `alerts` of the log
_BY_LEVEL = {"reported": 1, "likely": 2, "confirmed": 3}
NOTICE = 2  # a line of the system about itself waits for nothing but what is confirmed or taken back
TAKEN_BACK = 4  # a correction or withdrawal goes first: somebody may be about to publish


def delivery_id(destination: str, alert_id: str) -> str:
    """Return the id of an alert's delivery to a destination: the same however often it is decided."""
    return digest(destination, alert_id)


def severity_of(alert: AlertMessage) -> int:
    """Return how urgent an alert is, 1 to 4."""
    return TAKEN_BACK if alert.step in {"withdrawn", "corrected"} else _BY_LEVEL.get(alert.level, 1)


def routes(wanted: Sequence[str], known: Sequence[str], *, exercise: bool = False) -> tuple[str, ...]:
    """Return the destinations of a watch's alerts: those it names, all that are known where it names none, and topic `alerts`.

    Machines that read the topic are not drilled: an exercise goes to people alone.
    """
    if NOWHERE in wanted:
        return (NOWHERE,)
    return tuple(dict.fromkeys((*(wanted or known), *(() if exercise else (TOPIC,)))))
