"""Killed at every durable boundary and started again, a replay loses no post and no alert and repeats none."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.lines import many
from tests.parts.desk_home import DeskHome, Result, write_lines

LINES = 900
POINTS = (
    "spool.before_append",
    "spool.after_append",
    "tag.after_read",
    "tag.after_publish",
    "tag.after_commit",
    "desk.after_read",
    "desk.in_transaction",
    "desk.before_commit",
    "desk.after_commit",
    "desk.after_stream_commit",
)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("recorded") / "days.jsonl", [*many(LINES)])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path, recorded: Path) -> Result:
    home = DeskHome(tmp_path_factory.mktemp("undisturbed"), gazetteer_file)
    home.ok("replay", recorded)
    result = home.result()
    assert len(result.alerts) > 50
    assert result.outcomes[0] == LINES
    return result


@pytest.mark.parametrize("point", POINTS)
def test_replay_killed_twice_at_a_point_comes_out_as_the_undisturbed_one(
    make_home: Callable[..., DeskHome], recorded: Path, undisturbed: Result, point: str
) -> None:
    home = make_home()
    for nth in (2, 1):
        killed = home.run("replay", recorded, WATCHDESK_CRASH_AT=f"{point}:{nth}")
        assert killed.returncode == -signal.SIGKILL, f"{point} was never reached: {killed.stderr.decode()}"
    home.ok("replay", recorded)
    assert home.result() == undisturbed
