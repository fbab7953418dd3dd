from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.messages import Item, SpoolHead, decode
from app.streams.sqlite_log import open_sqlite_log
from app.streams.topics import POSTS

ITEMS = 300
POINTS = ("spool.before_append", "spool.after_append", "forward.after_publish", "forward.after_delete")


def produce(folder: Path, armed: str) -> int:
    """Run the process once; return how it ended."""
    command = [sys.executable, "-m", "tests.producers.crashing", str(folder), str(ITEMS), armed]
    return subprocess.run(command, check=False, timeout=60).returncode


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_at_any_point_loses_no_item_and_leaves_no_hole(tmp_path: Path, point: str) -> None:
    for nth in (1, 2, 5) if point.startswith("spool") else (1, 1, 1):
        assert produce(tmp_path, f"{point}:{nth}") == -signal.SIGKILL
    assert produce(tmp_path, "") == 0
    async with open_sqlite_log(tmp_path / "stream.db", SystemClock()) as stream:
        _, records = await stream.fetch(POSTS.name, 0, 10_000)
    decoded = [decode(record.value) for record in records]
    items = [record for record in decoded if isinstance(record, Item)]
    by_sequence = {item.ingest.sequence: item.post.id for item in items if item.post}
    assert by_sequence == {number + 1: f"x:{number}" for number in range(ITEMS)}
    firsts = list(dict.fromkeys(item.ingest.sequence for item in items))
    assert firsts == sorted(firsts)  # what is repeated is repeated behind what was there first, never out of order
    assert max(record.head for record in decoded if isinstance(record, SpoolHead)) == ITEMS
