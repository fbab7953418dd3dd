from __future__ import annotations

from datetime import timedelta

import pytest

from app.clock import SystemClock
from app.messages import Gap, Marks, SourceState
from app.streams.sqlite_log import SqliteLog
from app.telemetry.metrics import Metrics
from producers.measures import Measures, platform_of
from producers.spool import open_spool
from tests.producers.test_spool import NOW, draft


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("x:ridge", "x"),
        ("rss:wire", "feed"),
        ("youtube:UC1", "feed"),
        ("replay:day.jsonl", "replay"),
        ("vk:a", "other"),
    ],
)
def test_every_source_has_one_of_the_known_labels(source: str, label: str) -> None:
    assert platform_of(source) == label


async def test_items_and_empty_lines_are_counted_as_they_become_durable(log: SqliteLog) -> None:
    metrics = Metrics()
    async with open_spool(log, SystemClock(), measures=Measures(metrics)) as spool:
        await spool.append([draft(1), draft(2, marks=Marks(gapfill=True))], empty_lines=3)
        await spool.append([draft(3)._replace(source="replay:day.jsonl", run="r1")])
    assert value(metrics, "watchdesk_items_received_total", platform="x") == 2
    assert value(metrics, "watchdesk_items_received_total", platform="replay") == 1
    assert value(metrics, "watchdesk_empty_lines_total") == 3
    assert value(metrics, "watchdesk_ingest_delay_seconds_count", platform="x") == 1
    assert value(metrics, "watchdesk_ingest_delay_seconds_sum", platform="x") == 3600


def test_sources_are_counted_in_the_state_that_they_last_told() -> None:
    metrics = Metrics()
    measures = Measures(metrics)
    for source in ("x:ridge", "x:valley"):
        measures.said(SourceState(source, "connecting", NOW), reconnected=False)
    measures.said(SourceState("x:ridge", "live", NOW, spend_usd=0.25), reconnected=True)
    measures.missed([Gap(NOW, NOW + timedelta(seconds=30), "cut", NOW, source="x:ridge")])
    assert value(metrics, "watchdesk_sources", platform="x", state="live") == 1
    assert value(metrics, "watchdesk_sources", platform="x", state="connecting") == 1
    assert value(metrics, "watchdesk_source_spend_dollars", platform="x") == 0.25
    measures.said(SourceState("x:valley", "live", NOW + timedelta(seconds=1), backlog=4), reconnected=False)
    assert value(metrics, "watchdesk_source_backlog_items", platform="x") == 4
    assert value(metrics, "watchdesk_source_reconnects_total", platform="x") == 1
    assert value(metrics, "watchdesk_source_gap_seconds_total", platform="x") == 30
    measures.forgot(["x:ridge", "x:valley"])
    assert value(metrics, "watchdesk_sources", platform="x", state="live") == 0
