"""The home lock: one holder, named to the next one, gone with its process."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import HomeHeldError, SettingsError
from app.home import LOCK_NAME, hold_home

SINCE = datetime(2026, 5, 1, 14, 2, tzinfo=UTC)

HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from app.home import hold_home
with hold_home(Path(sys.argv[1]), command="run", since=datetime(2026, 5, 1, 14, 2, tzinfo=UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_free_home_is_made_and_held(tmp_path: Path) -> None:
    with hold_home(tmp_path / "a" / "home", command="run", since=SINCE):
        assert (tmp_path / "a" / "home" / LOCK_NAME).exists()


def test_a_second_holder_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    with (
        hold_home(tmp_path, command="replay day.jsonl", since=SINCE),
        pytest.raises(
            HomeHeldError, match=rf"process {os.getpid()} \(watchdesk replay day.jsonl, since 2026-05-01T14:02"
        ),
        hold_home(tmp_path, command="run", since=SINCE),
    ):
        pass


def test_a_home_that_was_left_can_be_held_again(tmp_path: Path) -> None:
    for _ in range(2):
        with hold_home(tmp_path, command="run", since=SINCE):
            pass


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(HomeHeldError, match=f"process {process.pid} "),
            hold_home(tmp_path, command="x", since=SINCE),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()

    with hold_home(tmp_path, command="run", since=SINCE):
        pass


def test_a_half_written_lock_file_names_no_one(tmp_path: Path) -> None:
    with hold_home(tmp_path, command="run", since=SINCE):
        (tmp_path / LOCK_NAME).write_bytes(b'{"pid": 4')
        with pytest.raises(HomeHeldError, match="another process"), hold_home(tmp_path, command="x", since=SINCE):
            pass


def test_a_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="WATCHDESK_HOME"), hold_home(tmp_path / "file", command="x", since=SINCE):
        pass
