"""A desk that waits for posts, with the default place index, costs next to nothing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome

WARM_S = 15.0  # the first rounds of everything
WATCHED_S = 60.0
MOST_CPU = 0.02  # of one core
MOST_MB = 350

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def test_an_idle_process_uses_under_two_percent_of_a_core_and_350_mb(home: DeskHome) -> None:
    home.env["WATCHDESK_WATCHDOG_PERIOD"] = "60"
    role = Role(home, "run", ("run",))
    role.start()
    try:
        wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
        time.sleep(WARM_S)  # what is measured is time itself: there is no condition to wait for
        before = cpu_seconds(role.running.pid)
        time.sleep(WATCHED_S)
        used = (cpu_seconds(role.running.pid) - before) / WATCHED_S
        assert used < MOST_CPU, f"{used:.2%} of a core"
        assert resident_mb(role.running.pid) < MOST_MB
    finally:
        assert role.stop() == 0, role.tail()
