"""When each source of a producer was truly read. Only closed intervals are ever asserted, in the source's own time.

`begin` says that reading goes on from a time, `complete` that everything up to a time has come. What lies between the last asserted
end and a later beginning is a gap, which is returned for the log before the first post; `fill` takes it back when it was fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from app.messages import Coverage, Gap

TOLERANCE = timedelta(seconds=2)  # between the end of one connection and the start of the next: no gap worth a row
MOST_SOURCES = 500  # in one record


class _Span(msgspec.Struct):
    start: datetime
    until: datetime


class CoverageKeeper:
    """The coverage of one producer. `until` (its last asserted ends) is kept in the spool, in the transaction that asserts them."""

    def __init__(self, name: str, stored: bytes | None) -> None:
        self.key = f"covered:{name}"
        self._until: dict[str, datetime] = msgspec.json.decode(stored, type=dict[str, datetime]) if stored else {}
        self._open: dict[str, _Span] = {}
        self._ended: list[tuple[str, _Span]] = []

    @property
    def read_now(self) -> frozenset[str]:
        """The sources that are being read."""
        return frozenset(self._open)

    def until(self, source: str) -> datetime | None:
        """Return up to when the source is known to be complete."""
        span = self._open.get(source)
        return span.until if span else self._until.get(source)

    def begin(self, sources: Iterable[str], at: datetime, reason: str, now: datetime) -> list[Gap]:
        """Reading of the sources goes on from `at`. Return the gaps since they were last complete, for `reason`."""
        gaps = []
        for source in sources:
            last = self.until(source)
            if last is not None and at - last > TOLERANCE:
                gaps.append(Gap(last, at, reason, now, source=source))
                self._close(source)
                self._open[source] = _Span(at, at)
            elif source not in self._open:
                start = min(at, last) if last is not None else at
                self._open[source] = _Span(start, max(start, last or at))
        return gaps

    def complete(self, sources: Iterable[str] | None, until: datetime) -> None:
        """Everything that the sources (None: all that are being read) published up to `until` has come."""
        for source in self._open if sources is None else sources:
            span = self._open.get(source)
            if span is not None:
                span.until = max(span.until, until)

    def end(self, sources: Iterable[str] | None = None) -> None:
        """The sources (None: all) are not read any longer."""
        for source in list(self._open if sources is None else sources):
            self._close(source)

    def forget(self, sources: Collection[str]) -> None:
        """These sources are not ours any longer: their next beginning is a first one."""
        for source in sources:
            self._open.pop(source, None)
            self._until.pop(source, None)

    def assert_closed(self, now: datetime) -> tuple[list[Coverage], Mapping[str, bytes]]:
        """Return what was completed since the last call, and the state to keep with it. The next intervals begin where these end."""
        together: dict[tuple[datetime, datetime], list[str]] = defaultdict(list)
        for source, span in self._open.items():
            if span.until > span.start:
                together[span.start, span.until].append(source)
            self._until[source] = span.until
        for source, span in self._ended:
            if span.until > span.start:
                together[span.start, span.until].append(source)
        self._ended.clear()
        for span in self._open.values():
            span.start = span.until
        records = [
            Coverage(tuple(sources[first : first + MOST_SOURCES]), start, end, now)
            for (start, end), sources in sorted(together.items())
            for first in range(0, len(sources), MOST_SOURCES)
        ]
        return records, ({self.key: msgspec.json.encode(self._until)} if records else {})

    def _close(self, source: str) -> None:
        span = self._open.pop(source, None)
        if span is not None:
            self._until[source] = span.until
            self._ended.append((source, span))
