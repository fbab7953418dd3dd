"""Every crash point of the embedded path twenty times: what comes out is what one undisturbed replay gives."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.lines import many
from tests.parts.desk_home import DeskHome, write_lines

HITS = 20
LINES = 6_000  # a batch is at most 200 records, so that twenty crashes never reach the end
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

pytestmark = pytest.mark.soak


@pytest.mark.timeout(900)
def test_each_point_twenty_times_loses_and_repeats_nothing(make_home: Callable[..., DeskHome], tmp_path: Path) -> None:
    recorded = write_lines(tmp_path / "days.jsonl", [*many(LINES, seed=11)])
    undisturbed = make_home("undisturbed")
    undisturbed.ok("replay", recorded)
    expected = undisturbed.result()
    for point in POINTS:
        home = make_home(point)
        for hit in range(HITS):
            killed = home.run("replay", recorded, WATCHDESK_CRASH_AT=f"{point}:1")
            assert killed.returncode == -signal.SIGKILL, (
                f"{point} was not reached at hit {hit}: {killed.stderr.decode()}"
            )
        home.ok("replay", recorded)
        assert home.result() == expected, point
