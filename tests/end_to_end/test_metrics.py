"""A real Prometheus on the running system: what rules, dashboards and documents name has samples from the start."""

import shutil

import pytest

from app.telemetry.metrics import Metrics
from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.prometheus import PrometheusServer

pytestmark = [
    pytest.mark.prometheus,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here: `make prometheus`"),
]


def test_every_metric_that_we_declare_has_samples(home: DeskHome) -> None:
    role = Role(home, "run", ("run",))
    role.start()
    try:
        wait_for(lambda: role.addresses("ops of run at") is not None, 60, "the ops port")
        ops = str(role.addresses("ops of run at")).removeprefix("http://")
        server = PrometheusServer([ops], faster=30)
        try:
            server.start()
            wait_for(lambda: bool(server.query("up == 1")), 20, "the first scrape")
            names = {one["metric"]["__name__"] for one in server.query('{__name__=~"watchdesk_.+"}')}
        finally:
            server.close()
    finally:
        assert role.stop() == 0, role.tail()

    declared = {f"{row.name}_bucket" if row.type == "histogram" else row.name for row in Metrics().table}
    assert not declared - names
