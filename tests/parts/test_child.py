from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

_PARENT = """
import signal, sys, time
from pathlib import Path
from tests.parts.child import Child
folder = Path(sys.argv[1])
child = Child(["sleep", "600"], folder=folder, log=folder / "log")
if sys.argv[2] == "frozen":
    child.freeze()
print(child.pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("state", ["running", "frozen"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_goes_with_its_parent_and_takes_its_folder(tmp_path: Path, state: str, how: signal.Signals) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    command = [sys.executable, "-c", _PARENT, str(folder), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.send_signal(how)
        parent.wait()
        assert within(10, lambda: gone(pid))
        assert within(10, lambda: not folder.exists())
