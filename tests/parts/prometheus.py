"""A real Prometheus from the system's package, on the rules that we ship, with time at 1/`faster`."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.parts.child import Child, free_port, remove_folder, temporary_folder, wait_until

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yaml"
SCRAPE_S = 15.0


class PrometheusServer:
    """Scrapes `targets` (host:port) as job "watchdesk"."""

    def __init__(self, targets: Sequence[str], *, faster: float = 1.0) -> None:
        self.folder = temporary_folder("prometheus")
        self.port = free_port()
        self._log = self.folder / "server.log"
        self._log.touch()
        self._child: Child | None = None
        every = f"{SCRAPE_S / faster * 1000:.0f}ms"
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "watchdesk", "static_configs": [{"targets": list(targets)}]}],
        }
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        (self.folder / "rules.yaml").write_text(hurried(RULES.read_text(encoding="utf-8"), faster))

    def start(self) -> None:
        argv = [
            "prometheus",
            f"--config.file={self.folder}/prometheus.yaml",
            f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._child = Child(argv, folder=self.folder, log=self._log)
        wait_until(self._ready, self._child, 60, self._log)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an expression, now."""
        found: list[dict[str, Any]] = self._get(f"query?{urllib.parse.urlencode({'query': expression})}")["result"]
        return found

    def firing(self, alert: str) -> list[dict[str, str]]:
        """Return the labels of every alarm of this name that fires now."""
        return [labels for labels in self.all_firing() if labels["alertname"] == alert]

    def all_firing(self) -> list[dict[str, str]]:
        """Return the labels of every alarm that fires now."""
        return [one["labels"] for one in self._get("alerts")["alerts"] if one["state"] == "firing"]

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
        remove_folder(self.folder)

    def _get(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        with urllib.request.urlopen(url, timeout=10) as reply:
            return json.loads(reply.read())["data"]


_LENGTHS = {"s": 1, "m": 60, "h": 3600}
_RANGE = re.compile(r"(?<=\[)(\d+)([smh])(?=\])|(?<=offset )(\d+)([smh])")
_WHOLE_SECONDS = re.compile(r"(?<=> )(\d+)(?![\d.e])")


def hurried(rules: str, faster: float) -> str:
    """Return the rules with every time divided by `faster`.

    Times are each `for:`, each range and offset, and what an expression over `_seconds` compares with: whole seconds. A fraction
    of a second stays, for how exactly a process keeps time does not depend on how fast we look.
    """
    loaded = yaml.safe_load(rules)
    for rule in loaded["groups"][0]["rules"]:
        if "for" in rule:
            rule["for"] = _shorter(rule["for"], faster)
        expression = _RANGE.sub(lambda found: _shorter(found[0], faster), rule["expr"])
        if "_seconds" in expression:
            expression = _WHOLE_SECONDS.sub(lambda found: f"{int(found[0]) / faster:g}", expression)
        rule["expr"] = expression
    return yaml.safe_dump(loaded)


def _shorter(time: str, faster: float) -> str:
    return f"{int(time[:-1]) * _LENGTHS[time[-1]] * 1000 / faster:.0f}ms"
