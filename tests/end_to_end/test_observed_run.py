"""One whole run, as an operator sees it: every metric is fed, the logs lead from a post to its delivery and give nothing away."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.notify.secrets import new_secret
from app.telemetry.metrics import Metrics
from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome

ROOT = Path(__file__).parents[2]
HOOK = new_secret()
CANARIES = {
    "WATCHDESK_SECRET_KEY": "canary-one-secret-key-0123456789abcdef",
    "WATCHDESK_BOOTSTRAP_KEY": "canary-two-bootstrap-0123456789",
    "WATCHDESK_DEADMAN_URL": "https://127.0.0.1:9/canary-three-ping-token",
    "HOOK_SECRET": HOOK,
}
TEXT = "Russian warplanes bomb the outskirts of Jisr al-Shughur, Idlib, canary of what people wrote"
CONFIG = """
[[source]]
id = "rss:https://127.0.0.1:9/feed.xml"
owner = "A feed that nobody serves"
grade = "C"

[[watch]]
name = "strikes"
rule = 'kind:air_strike near:"Jisr al-Shughur"~25km'

[[watch]]
name = "many killed"
rule = 'kind:air_strike near:"Jisr al-Shughur"~25km'
triggers = {{killed = 100}}

[[destination]]
name = "hook"
type = "webhook"
url = "https://127.0.0.1:9/hook"
secret_env = "HOOK_SECRET"
"""


class Observed(NamedTuple):
    """What is left of the run: its samples by name and labels, and its log lines."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]
    lines: list[dict[str, Any]]
    log: str

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        wanted = set(labels.items())
        found = [value for (one, held), value in self.samples.items() if one == name and wanted <= held]
        assert found, f"no sample of {name} {labels}"
        return sum(found)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path) -> Observed:
    home = DeskHome(tmp_path_factory.mktemp("observed"), gazetteer_file, **CANARIES)
    home.env |= {"WATCHDESK_WATCHDOG_PERIOD": "1", "WATCHDESK_LOG_LEVEL": "info", "WATCHDESK_LOG_FORMAT": "json"}
    home.env |= {"WATCHDESK_STREAM_RETENTION_DAYS": "7", "WATCHDESK_BACKUP_HOURS": "72"}
    home.config.write_text(CONFIG.format(), encoding="utf-8")
    role = Role(home, "run", ("run",))
    role.start()
    try:
        wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
        hand_in(str(role.addresses("API at")))
        ops = str(role.addresses("ops of run at"))
        wait_for(lambda: settled(scraped(ops)), 60, "the post's alert and an exercise through everything")
        samples = scraped(ops)
    finally:
        assert role.stop() == 0, role.tail()
    log = role.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return Observed(samples, lines, log)


def hand_in(api: str) -> None:
    body = json.dumps({"id": "call-1", "author": "desk", "text": TEXT}).encode()
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {CANARIES['WATCHDESK_BOOTSTRAP_KEY']}",
        "Idempotency-Key": "call-1",
    }
    request = urllib.request.Request(f"{api}/v1/posts", data=body, headers=headers)  # noqa: S310 - ours, on loopback
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        assert reply.status == 202


def scraped(ops: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with urllib.request.urlopen(f"{ops}/metrics", timeout=10) as reply:  # noqa: S310
        families = text_string_to_metric_families(reply.read().decode())
        return {(one.name, frozenset(one.labels.items())): one.value for each in families for one in each.samples}


def settled(samples: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> bool:
    def held(name: str, **labels: str) -> float:
        return samples.get((name, frozenset(labels.items())), 0.0)

    return (
        held("watchdesk_watchdog_timestamp_seconds", stage="notify") > 0
        and held("watchdesk_delivery_attempts_total", type="webhook", outcome="temporary") > 0
        and held("watchdesk_delivery_attempts_total", type="stream", outcome="delivered") > 0
        and held("watchdesk_incidents_open", level="reported") > 0
        and held("watchdesk_outbox_pending", type="webhook") > 0
        and held("watchdesk_loop_lag_seconds_count") > 0
        and held("watchdesk_sources", platform="feed", state="live") == 0
        and sum(value for (name, _), value in samples.items() if name == "watchdesk_sources") > 0
    )


@pytest.mark.parametrize("stage", ["tag", "desk", "notify"])
def test_each_stage_tells_its_pace(observed: Observed, stage: str) -> None:
    assert observed.value("watchdesk_stage_records_total", stage=stage) > 0
    assert observed.value("watchdesk_stage_duration_seconds_count", stage=stage) > 0
    assert observed.value("watchdesk_post_latency_seconds_count", stage=stage) > 0
    assert observed.value("watchdesk_watchdog_timestamp_seconds", stage=stage) > 1e9
    assert observed.value("watchdesk_stage_paused", stage=stage) == 0


def test_what_came_in_and_what_became_of_it_is_told(observed: Observed) -> None:
    assert observed.value("watchdesk_items_received_total", platform="inbox") > 1
    assert observed.value("watchdesk_ingest_delay_seconds_count", platform="inbox") > 0
    assert observed.value("watchdesk_source_last_post_timestamp_seconds", platform="inbox") > 1e9
    assert observed.value("watchdesk_ledger_items", outcome="stored") > 1
    assert observed.value("watchdesk_last_stored_timestamp_seconds") > 1e9
    assert observed.value("watchdesk_incidents_opened_total", kind="air_strike") == 1
    assert observed.value("watchdesk_incidents_open", level="reported") == 1
    assert observed.value("watchdesk_alerts_total", step="first", level="reported") == 1
    assert observed.value("watchdesk_alerts_suppressed_total", cause="trigger") == 1
    assert observed.value("watchdesk_alerts_suppressed_total", cause="exercise") > 0


def test_a_source_that_cannot_be_read_and_a_destination_that_is_down_are_told(observed: Observed) -> None:
    unread = [observed.value("watchdesk_sources", platform="feed", state=state) for state in ("connecting", "refused")]
    assert sum(unread) == 1
    assert observed.value("watchdesk_stage_lag_records", stage="notify") > 0
    assert observed.value("watchdesk_outbox_oldest_timestamp_seconds", type="webhook") > 1e9
    assert observed.value("watchdesk_delivery_duration_seconds_count", type="webhook") > 0


def test_the_process_tells_of_itself(observed: Observed) -> None:
    assert observed.value("watchdesk_build_info", role="run") == 1
    assert observed.value("watchdesk_database_up") == 1
    assert observed.value("watchdesk_stream_up") == 1
    assert observed.value("watchdesk_home_free_bytes") > 0
    assert observed.value("watchdesk_config_differs") == 0
    assert observed.value("watchdesk_http_requests_total", route="/v1/posts", status="2xx") == 1


def test_every_metric_that_rules_dashboards_and_documents_name_has_a_sample(observed: Observed) -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for pattern in (
            "deploy/prometheus/rules.yaml",
            "deploy/grafana/**/*.json",
            "deploy/kubernetes/*.yaml",
            "docs/*.md",
        )
        for path in ROOT.glob(pattern)
    ]
    named = {name for text in texts for name in re.findall(r"\bwatchdesk_[a-z_]+\b", text)}
    families = {row.name for row in Metrics().table}
    known = {name for name, _ in observed.samples}
    metrics = {name for name in named if any(name.startswith(family) for family in families)}
    assert len(metrics) > 30
    unfed = {name for name in metrics if name not in known and f"{name}_count" not in known}
    assert not unfed


def test_what_was_not_set_is_said_in_one_line(observed: Observed) -> None:
    lines = [one["event"] for one in observed.lines if "WATCHDESK_DATABASE_URL" in one["event"]]
    assert len(lines) == 1
    assert lines[0].startswith("WATCHDESK_DATABASE_URL is not set: using SQLite at ")


def test_records_that_may_be_gone_before_a_restore_are_warned_of_with_the_numbers(observed: Observed) -> None:
    (warned,) = [one for one in observed.lines if one.get("setting") == "WATCHDESK_STREAM_RETENTION_DAYS"]
    assert warned["level"] == "warning"
    assert warned["event"].startswith("records stand for 168 h, backups are 72 h apart: ")


def test_logs_lead_from_the_post_to_its_delivery(observed: Observed) -> None:
    (raised,) = [one for one in observed.lines if one["event"] == "alert raised"]
    assert raised["watch"] == "strikes"
    spool, _, sequence = raised["trace_id"].partition(":")
    assert spool
    assert int(sequence) > 0
    failed = [one for one in observed.lines if one["event"] == "delivery failed"]
    assert failed
    assert {one["alert"] for one in failed} == {raised["alert"]}


def test_logs_hold_no_secret_and_nothing_that_people_wrote(observed: Observed) -> None:
    assert observed.lines
    for canary in (*CANARIES.values(), "canary-three", TEXT, "canary of what people wrote"):
        assert canary not in observed.log
