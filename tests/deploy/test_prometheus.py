"""Rules and dashboards speak of metrics that exist, fire when they should, and each alarm has its page."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from app.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: `make prometheus`")


def alerts() -> list[dict[str, str]]:
    groups = yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def series() -> set[str]:
    names = set()
    for row in Metrics().table:
        names.add(row.name)
        if row.type == "histogram":
            names |= {f"{row.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def named_in(expression: str) -> set[str]:
    return set(re.findall(r"\bwatchdesk_\w+", expression))


@pytest.mark.prometheus
@needs_promtool
@pytest.mark.parametrize("arguments", [["check", "rules", "rules.yaml"], ["test", "rules", "rules_test.yaml"]])
def test_promtool_is_content(arguments: list[str]) -> None:
    result = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_rules_speak_of_metrics_that_exist() -> None:
    assert not {name for rule in alerts() for name in named_in(rule["expr"])} - series()


def test_every_alarm_is_tested_and_has_its_page() -> None:
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text(encoding="utf-8"))["tests"]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    names = [rule["alert"] for rule in alerts()]

    assert sorted(names) == sorted(test["name"] for test in tests)
    assert not [name for name in names if f"### {name}\n" not in page]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_loads_without_edits_and_speaks_of_metrics_that_exist(path: Path) -> None:
    dashboard = json.loads(path.read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]

    assert dashboard["id"] is None
    assert dashboard["uid"]
    assert expressions
    assert not {name for expression in expressions for name in named_in(expression)} - series()
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in dashboard["panels"] if panel.get("targets"))


def test_dashboards_are_there() -> None:
    assert [path.stem for path in DASHBOARDS] == ["newsroom", "operations"]
