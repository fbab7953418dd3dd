"""What the stages tell the metrics: time and lag of a batch, and what the desk made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from app.db.outbox import Backlog, Loaded
from app.domain.changes import Changes
from app.domain.exercises import WATCHDOG, is_watchdog
from app.errors import DamagedError, Reason, Unavailable
from app.messages import Item, Record
from app.resources import Resources
from app.streams.port import Reader, StreamRecord
from app.telemetry.metrics import Metrics

LAG_EVERY_S = 1.0
UNREADABLE = frozenset({Reason.BAD_RECORD, Reason.BAD_VERSION})
A_REPLAYS = timedelta(days=1)  # an alert so much older than its delivery was replayed: its time is not ours


@contextmanager
def timed(resources: Resources, stage: str, batch: Sequence[StreamRecord]) -> Iterator[None]:
    """Count a batch and its time; an error that leaves the block is counted by its cause."""
    stages, clock = resources.metrics.stages, resources.clock
    begun = clock.monotonic()
    first = batch[0]
    try:
        with resources.tracing.span(
            f"{stage} batch", records=len(batch), topic=first.topic, partition=first.partition, offset=first.offset
        ):
            yield
    except Exception as error:
        stages.errors.labels(stage, cause_of(error)).inc()
        raise
    stages.duration.labels(stage).observe(clock.monotonic() - begun)
    stages.records.labels(stage).inc(len(batch))
    stages.lag_seconds.labels(stage).set(max(0.0, clock.now().timestamp() - batch[-1].appended_at))


class LagMeter:
    """Tells that a stage works, and how many records wait for it: asked of the log at most once in LAG_EVERY_S, for it costs a request."""

    def __init__(self, resources: Resources, stage: str) -> None:
        self._clock = resources.clock
        self._health = resources.health
        self._part = part_of(stage)
        self._paused = resources.metrics.stages.paused.labels(stage)
        self._records = resources.metrics.stages.lag_records.labels(stage)
        self._seconds = resources.metrics.stages.lag_seconds.labels(stage)
        self._asked = float("-inf")

    def idle(self) -> None:
        """Nothing waits."""
        self._works()
        self._records.set(0)
        self._seconds.set(0)

    async def note(self, reader: Reader) -> None:
        """A batch was handled."""
        self._works()
        if self._clock.monotonic() - self._asked >= LAG_EVERY_S:
            self._asked = self._clock.monotonic()
            self._records.set(await reader.lag())

    def _works(self) -> None:
        self._paused.set(0)
        self._health.say(self._part, self._clock.now(), ok=True)


def part_of(stage: str) -> str:
    """Return the name of a stage in `/readyz`."""
    return f"stage {stage}"


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
        if raised.watch.name == WATCHDOG.name:
            metrics.desk.suppressed.labels("exercise").inc()
        elif not raised.exercise:
            metrics.desk.alerts.labels(raised.alert.step, raised.alert.level).inc()
    for kind, count in changes.opened.items():
        metrics.desk.opened.labels(kind).inc(count)
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


def count_garbage(metrics: Metrics, stage: str, records: Iterable[Record]) -> None:
    """Count what could not be read as a record: the stage itself quarantined it."""
    bad = sum(
        isinstance(one, Item) and one.quarantined is not None and one.quarantined.reason in UNREADABLE
        for one in records
    )
    if bad:
        metrics.stages.errors.labels(stage, "bad_record").inc(bad)


def count_bug(metrics: Metrics, stage: str) -> None:
    """Count a record or a batch that our own fault kept from being handled."""
    metrics.stages.errors.labels(stage, "bug").inc()


def count_sent(metrics: Metrics, parts: Sequence[Loaded], seconds: float, now: datetime, *, arrived: bool) -> None:
    """Count one send of the stage notify and, where it arrived, how long its posts took from their receipt."""
    stages = metrics.stages
    stages.records.labels("notify").inc(len(parts))
    stages.duration.labels("notify").observe(seconds)
    if not arrived:
        return
    for part in parts:
        age = now - part.alert.created_at if part.alert else None
        if age is not None and age < A_REPLAYS:
            stages.latency.labels("notify").observe(max(0.0, age.total_seconds()))


def count_waiting(metrics: Metrics, waiting: Iterable[Backlog], now: datetime) -> None:
    """Tell how many deliveries wait, and how old the oldest is."""
    backlog = list(waiting)
    metrics.stages.lag_records.labels("notify").set(sum(one.pending for one in backlog))
    oldest = min((one.oldest for one in backlog), default=now)
    metrics.stages.lag_seconds.labels("notify").set(max(0.0, (now - oldest).total_seconds()))
