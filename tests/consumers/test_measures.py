from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.db.outbox import Backlog, Loaded
from app.domain.posts import quarantine
from app.errors import DamagedError, Reason, Unavailable
from app.messages import Ingest, Item
from app.streams.memory import MemoryStream
from app.streams.port import Outgoing
from app.telemetry.metrics import Metrics
from consumers.measures import LagMeter, cause_of, count_garbage, count_sent, count_waiting
from tests.rows import message, view
from tests.sending import sending

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    value = metrics.registry.get_sample_value(name, labels)
    assert value is not None
    return value


def loaded(number: int, age: timedelta) -> Loaded:
    alert = message(number, created_at=NOW - age)
    return Loaded(f"d{number}", number, 1, NOW, alert, view(number), exercise=False, notice=None)


def test_a_delivery_is_timed_from_the_receipt_of_its_post_and_a_replay_is_not() -> None:
    metrics = Metrics()
    parts = [loaded(1, timedelta(seconds=4)), loaded(2, timedelta(days=400))]
    count_sent(metrics, parts, 0.2, NOW, arrived=True)
    assert sample(metrics, "watchdesk_post_latency_seconds_count", stage="notify") == 1
    assert sample(metrics, "watchdesk_post_latency_seconds_sum", stage="notify") == 4
    assert sample(metrics, "watchdesk_stage_records_total", stage="notify") == 2

    count_sent(metrics, parts, 0.2, NOW, arrived=False)
    assert sample(metrics, "watchdesk_post_latency_seconds_count", stage="notify") == 1
    assert sample(metrics, "watchdesk_stage_duration_seconds_count", stage="notify") == 2


def test_what_waits_is_counted_and_its_oldest_aged() -> None:
    metrics = Metrics()
    count_waiting(metrics, [Backlog(1, 3, NOW - timedelta(seconds=90)), Backlog(0, 2, NOW)], NOW)
    assert sample(metrics, "watchdesk_stage_lag_records", stage="notify") == 5
    assert sample(metrics, "watchdesk_stage_lag_seconds", stage="notify") == 90

    count_waiting(metrics, [], NOW)
    assert sample(metrics, "watchdesk_stage_lag_records", stage="notify") == 0
    assert sample(metrics, "watchdesk_stage_lag_seconds", stage="notify") == 0


def test_records_that_a_stage_cannot_read_are_its_errors_and_those_of_a_source_are_not() -> None:
    items = [
        Item(Ingest("s", number), "x:a", NOW, quarantined=quarantine(b"?", reason, "?"))
        for number, reason in enumerate([Reason.BAD_RECORD, Reason.BAD_VERSION, Reason.BAD_JSON])
    ]
    metrics = Metrics()
    count_garbage(metrics, "desk", items)
    assert sample(metrics, "watchdesk_stage_errors_total", stage="desk", cause="bad_record") == 2


@pytest.mark.parametrize(
    ("error", "cause"),
    [(Unavailable("log", "away"), "unavailable"), (DamagedError(), "damaged"), (KeyError("x"), "bug")],
)
def test_errors_are_counted_by_their_cause(error: Exception, cause: str) -> None:
    assert cause_of(error) == cause


async def test_lag_is_what_stands_after_the_position(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        stream = MemoryStream(SystemClock())
        await stream.publish("posts", [Outgoing("k", b"%d" % number) for number in range(5)])
        meter = LagMeter(desk.resources, "tag")
        async with stream.reader("posts", "tag") as reader:
            await reader.read(2)
            await meter.note(reader)
            assert sample(desk.resources.metrics, "watchdesk_stage_lag_records", stage="tag") == 3
            await reader.read(3)
            await meter.note(reader)  # within the second: the log is not asked again
            assert sample(desk.resources.metrics, "watchdesk_stage_lag_records", stage="tag") == 3
            meter.idle()
            assert sample(desk.resources.metrics, "watchdesk_stage_lag_records", stage="tag") == 0
