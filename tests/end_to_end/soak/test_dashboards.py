"""Every panel of the dashboards has something to show: its query, asked of a real Prometheus that scrapes a running system."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.test_queries import Query, dashboard_queries
from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.prometheus import PrometheusServer

FASTER = 30  # a scrape each half second

pytestmark = [
    pytest.mark.soak,
    pytest.mark.prometheus,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here: `make prometheus`"),
]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path) -> Iterator[PrometheusServer]:
    """A Prometheus that has scraped a whole desk, with exercises passing through it, a few times."""
    home = DeskHome(tmp_path_factory.mktemp("shown"), gazetteer_file, WATCHDESK_WATCHDOG_PERIOD="1")
    role = Role(home, "run", ("run",))
    role.start()
    try:
        wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
        server = PrometheusServer([str(role.addresses("ops of run at")).removeprefix("http://")], faster=FASTER)
        try:
            server.start()
            decided = 'max(watchdesk_watchdog_timestamp_seconds{stage="desk"}) > 0'
            wait_for(lambda: bool(server.query(decided)), 60, "an exercise in the metrics")
            wait_for(lambda: bool(server.query("rate(watchdesk_items_received_total[5m]) > 0")), 60, "a second scrape")
            yield server
        finally:
            server.close()
    finally:
        role.kill()


@pytest.mark.parametrize("query", dashboard_queries(), ids=lambda query: f"{query.place} {query.shown}")
def test_a_panel_is_answered_with_the_labels_that_its_legend_shows(prometheus: PrometheusServer, query: Query) -> None:
    found = prometheus.query(query.expression)
    if ">" not in query.expression:  # those name only what has happened, and here nothing has
        assert found
    for one in found:
        for label in query.legend():
            assert label in one["metric"], one
