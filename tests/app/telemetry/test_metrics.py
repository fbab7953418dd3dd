from __future__ import annotations

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.metrics import PLATFORMS, Metrics, markdown, platform_label


def test_every_metric_is_ours_and_named_as_prometheus_wants() -> None:
    for row in Metrics().table:
        assert re.fullmatch(r"watchdesk(_[a-z]+)+", row.name), row.name
        assert row.name.endswith("_total") == (row.type == "counter"), row.name
        assert row.meaning.endswith("."), row.name


def test_every_closed_series_exists_from_the_start() -> None:
    metrics = Metrics()
    exposed, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(exposed.decode())}
    for row in metrics.table:
        family = families[row.name.removesuffix("_total")]
        series = 1
        for values in row.labels.values():
            series *= len(values)
        assert len({tuple(sorted((k, v) for k, v in s.labels.items() if k != "le")) for s in family.samples}) == series


def test_no_label_set_is_large() -> None:
    for row in Metrics().table:
        series = 1
        for values in row.labels.values():
            series *= max(1, len(values))
        assert series <= 60, row.name


def test_two_processes_in_one_do_not_share_numbers() -> None:
    one, two = Metrics(), Metrics()
    one.items.empty_lines.inc()
    assert one.registry.get_sample_value("watchdesk_empty_lines_total") == 1
    assert two.registry.get_sample_value("watchdesk_empty_lines_total") == 0


def test_a_label_that_is_not_in_the_set_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match="label"):
        Metrics().desk.alerts.labels("first")


def test_routes_are_known_from_the_start() -> None:
    metrics = Metrics()
    metrics.http.know(["/v1/alerts/{alert_id}"])
    found = metrics.registry.get_sample_value(
        "watchdesk_http_requests_total", {"route": "/v1/alerts/{alert_id}", "status": "5xx"}
    )
    assert found == 0


def test_openmetrics_is_served_to_who_asks() -> None:
    exposed, content_type = Metrics().render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert exposed.endswith(b"# EOF\n")


def test_platforms_are_told_apart_as_far_as_we_read_them() -> None:
    assert platform_label("x") == "x"
    assert platform_label("rss") == "feed"
    assert platform_label("myspace") == "other"
    assert {platform_label(name) for name in (*PLATFORMS, "anything")} <= set(PLATFORMS)


def test_the_table_for_the_documents_names_every_metric() -> None:
    metrics = Metrics()
    text = markdown(metrics.table)
    assert all(f"`{row.name}`" in text for row in metrics.table)
    assert text.count("\n") == len(metrics.table) + 2
