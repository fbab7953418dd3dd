"""When garbage on a topic is too much to be an accident: then the partition stops, loudly, before all of it is quarantined."""

from __future__ import annotations

from collections import deque

from app.errors import DamagedError

IN_A_ROW = 100
SHARE = 0.1
WINDOW = (
    1000  # records over which the share is taken; less than WINDOW were read: at least IN_A_ROW of them must be bad
)


class GarbageLimit:
    """Told of every record of a partition whether it was garbage; raises DamagedError when a bad deploy is likelier than bad luck."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._row = 0

    def note(self, *, garbage: bool, partition: int, offset: int) -> None:
        self._recent.append(garbage)
        self._row = self._row + 1 if garbage else 0
        bad = sum(self._recent) if garbage else 0
        if self._row >= IN_A_ROW or (bad >= IN_A_ROW and bad > SHARE * len(self._recent)):
            raise DamagedError(
                f"{self._topic}/{partition} stopped at offset {offset}: {bad} of the last {len(self._recent)} records are garbage."
                " See who writes to this topic, then start again."
            )
