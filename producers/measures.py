"""What producers tell the metrics: items as they are taken in, and how the sources of each platform are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from app.messages import Gap, Post, SourceState
from app.telemetry.metrics import PLATFORMS, STATES, Metrics

FEEDS = frozenset({"rss", "youtube", "web"})


def platform_of(source: str) -> str:
    """Return the label of a source's platform."""
    name = source.partition(":")[0]
    label = "feed" if name in FEEDS else name
    return label if label in PLATFORMS else "other"


class Measures:
    """The metrics of the producers of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self._items = metrics.items
        self._sources = metrics.sources
        self._states: dict[str, SourceState] = {}

    def took(self, source: str, content: object, seen_at: datetime, *, live: bool) -> None:
        """Count an item; a live post also by the time that it needed to reach us."""
        label = platform_of(source)
        self._items.received.labels(label).inc()
        if live and isinstance(content, Post) and content.created_at is not None:
            self._items.delay.labels(label).observe(max(0.0, (seen_at - content.created_at).total_seconds()))
            self._sources.last_post.labels(label).set(seen_at.timestamp())

    def passed_empty(self, lines: int) -> None:
        self._items.empty_lines.inc(lines)

    def missed(self, gaps: Iterable[Gap]) -> None:
        for gap in gaps:
            label = platform_of(gap.source or "")
            self._sources.gaps.labels(label).inc()
            self._sources.gap_seconds.labels(label).inc((gap.end - gap.start).total_seconds())

    def said(self, state: SourceState, *, reconnected: bool) -> None:
        """Keep the newest state of a source, and count how many are in which."""
        if reconnected:
            self._sources.reconnects.labels(platform_of(state.source)).inc()
        self._states[state.source] = state
        counted = Counter((platform_of(one.source), one.state) for one in self._states.values())
        label = platform_of(state.source)
        for name in STATES:
            self._sources.count.labels(label, name).set(counted[label, name])
        own = [one for one in self._states.values() if platform_of(one.source) == label]
        self._sources.spend.labels(label).set(sum(one.spend_usd for one in own))
        self._sources.backlog.labels(label).set(
            max(own, key=lambda one: one.seen_at).backlog
        )  # of all of them together

    def forgot(self, sources: Iterable[str]) -> None:
        """These sources are not read any longer."""
        for source in sources:
            state = self._states.pop(source, None)
            if state is not None:
                self._sources.count.labels(platform_of(source), state.state).dec()

    def holding(self, *, stuck: bool) -> None:
        """Note whether the disk takes items."""
        self._items.held.set(stuck)

    def holds(self, items: int) -> None:
        """Note how many items wait in the spool for the stream."""
        self._items.spool_items.set(items)
