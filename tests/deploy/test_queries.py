"""Every PromQL expression that we ship parses, and speaks of labels and values that its metrics have."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from app.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
RULES = (ROOT / "deploy" / "prometheus" / "rules.yaml", ROOT / "deploy" / "kubernetes" / "monitoring.yaml")
SCRAPED = {"job", "instance"}  # that Prometheus adds to every series

SELECTOR = re.compile(r"\b(watchdesk_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SHOWN = re.compile(r"\{\{\s*(\w+)\s*\}\}|\$labels\.(\w+)")  # of Grafana's legends, of a rule's sentences


class Query(NamedTuple):
    """An expression, where it stands, and the words that name labels of its result."""

    place: str
    expression: str
    shown: str = ""

    def legend(self) -> list[str]:
        """Return the labels that the words name."""
        return [one or other for one, other in SHOWN.findall(self.shown)]


def queries() -> list[Query]:
    return [*dashboard_queries(), *rule_queries()]


def dashboard_queries() -> list[Query]:
    loaded = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}
    return [
        Query(f"{name}: {panel['title']}", target["expr"], str(target.get("legendFormat", "")))
        for name, dashboard in loaded.items()
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def rule_queries() -> list[Query]:
    loaded = [(path.name, one) for path in RULES for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return [
        Query(f"{name}: {rule['alert']}", rule["expr"], json.dumps(rule["annotations"]))
        for name, document in loaded
        for group in document.get("groups") or document.get("spec", {}).get("groups", [])
        for rule in group["rules"]
    ]


def labels() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the labels of every series by its name, each with its closed set of values (empty: an open one)."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in Metrics().table:
        found[row.name] = dict(row.labels)
        if row.type == "histogram":
            found |= {f"{row.name}_{part}": dict(row.labels) for part in ("sum", "count")}
            found[f"{row.name}_bucket"] = {**row.labels, "le": ()}
    return found


def faults(query: Query) -> list[str]:
    """Return what the expression names that no series of ours has."""
    known, wrong = labels(), []
    there = set(SCRAPED)
    for name, matchers in SELECTOR.findall(query.expression):
        if name not in known:
            wrong.append(name)
            continue
        there |= set(known[name])
        for label, operator, value in MATCHER.findall(matchers):
            values = value.split("|") if "~" in operator else [value]
            closed = known[name].get(label)
            if closed is None and label not in SCRAPED:
                wrong.append(f"{name}{{{label}}}")
            elif closed:
                wrong.extend(f'{name}{{{label}="{one}"}}' for one in values if one not in closed)
    grouped = [label.strip() for group in GROUPING.findall(query.expression) for label in group.split(",")]
    wrong.extend(f"by ({label})" for label in grouped if label and label not in there)
    kept = set(grouped) if grouped else there
    wrong.extend(f"shown {label}" for label in query.legend() if label not in kept)
    return wrong


def check(folder: Path, expressions: list[str]) -> subprocess.CompletedProcess[str]:
    """Let promtool read the expressions, as the rules of one file."""
    rules = [{"record": f"query:{number}", "expr": one} for number, one in enumerate(expressions)]
    file = folder / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    return subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)


def test_there_are_queries_of_dashboards_and_of_rules() -> None:
    places = {query.place.partition(":")[0] for query in queries()}
    assert places == {"newsroom", "operations", "rules.yaml", "monitoring.yaml"}


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.place)
def test_a_query_names_series_labels_and_values_that_exist(query: Query) -> None:
    assert faults(query) == []


@pytest.mark.parametrize(
    ("expression", "shown", "wrong"),
    [
        ("sum(watchdesk_nothing)", "", ["watchdesk_nothing"]),
        ('watchdesk_sources{state="alive"}', "", ['watchdesk_sources{state="alive"}']),
        ('watchdesk_sources{state=~"live|gone"}', "", ['watchdesk_sources{state="gone"}']),
        ('watchdesk_sources{stage="tag"}', "", ["watchdesk_sources{stage}"]),
        ("sum by (le) (watchdesk_post_latency_seconds_count)", "", ["by (le)"]),
        ("sum by (state) (watchdesk_sources)", "{{platform}}", ["shown platform"]),
        ("sum by (state) (watchdesk_sources) > 0", "{{ $value }} of {{ $labels.platform }}", ["shown platform"]),
    ],
)
def test_a_query_of_what_does_not_exist_is_seen(expression: str, shown: str, wrong: list[str]) -> None:
    assert faults(Query("an example", expression, shown)) == wrong


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: `make prometheus`")
def test_every_query_parses_and_a_broken_one_would_be_seen(tmp_path: Path) -> None:
    expressions = [query.expression for query in queries()]
    read = check(tmp_path, expressions)
    assert read.returncode == 0, read.stdout + read.stderr
    assert f"{len(expressions)} rules found" in read.stdout

    broken = check(tmp_path, [*expressions, "sum(rate(watchdesk_sources[5m])"])
    assert broken.returncode != 0
