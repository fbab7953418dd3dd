"""What the stages tell the metrics: time and lag of a batch, and what the desk made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from app.domain.changes import Changes
from app.domain.exercises import is_watchdog
from app.errors import DamagedError, Unavailable
from app.messages import Item, Record
from app.resources import Resources
from app.streams.port import StreamRecord
from app.telemetry.metrics import Metrics


@contextmanager
def timed(resources: Resources, stage: str, batch: Sequence[StreamRecord]) -> Iterator[None]:
    """Count a batch and its time; an error that leaves the block is counted by its cause."""
    stages, clock = resources.metrics.stages, resources.clock
    begun = clock.monotonic()
    try:
        yield
    except Exception as error:
        stages.errors.labels(stage, cause_of(error)).inc()
        raise
    stages.duration.labels(stage).observe(clock.monotonic() - begun)
    stages.records.labels(stage).inc(len(batch))
    stages.lag_seconds.labels(stage).set(max(0.0, clock.now().timestamp() - batch[-1].appended_at))


def cause_of(error: BaseException) -> str:
    if isinstance(error, Unavailable):
        return "unavailable"
    return "damaged" if isinstance(error, DamagedError) else "bug"


def count_changes(metrics: Metrics, changes: Changes) -> None:
    """Count what a committed batch of the desk changed; exercises are left out."""
    for item in changes.quarantined:
        if item.quarantined is not None:
            metrics.items.quarantined.labels(str(item.quarantined.reason)).inc()
    for raised in changes.alerts:
        if not raised.exercise:
            metrics.desk.alerts.labels(raised.alert.step, raised.alert.level).inc()
            if raised.alert.step == "first":
                metrics.desk.opened.labels(raised.view.kind).inc()
    for cause, count in changes.suppressed.items():
        metrics.desk.suppressed.labels(cause).inc(count)


def count_passage(resources: Resources, stage: str, records: Iterable[Record]) -> None:
    """Note how long live posts took to the end of the stage, and when the watchdog's last one passed it."""
    stages, now = resources.metrics.stages, resources.clock.now()
    for record in records:
        if not isinstance(record, Item) or record.run is not None:  # the times of a replay are not ours
            continue
        if is_watchdog(record):
            stages.watchdog.labels(stage).set(now.timestamp())
        stages.latency.labels(stage).observe(max(0.0, (now - record.seen_at).total_seconds()))
