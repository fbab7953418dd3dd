"""Killed at every durable boundary and started again, a replay loses no post and no alert and repeats none."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.end_to_end.lines import many
from tests.parts.desk_home import DeskHome, write_lines

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


class Result(NamedTuple):
    """What must come out, whatever happened on the way."""

    alerts: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    outcomes: tuple[int, ...]


def result_of(home: DeskHome) -> Result:
    law = home.law()
    assert law.in_flight == 0
    return Result(
        home.objects("alerts", "--json"),
        sorted(home.objects("incidents", "--json"), key=lambda one: str(one["id"])),
        (law.received, law.stored, law.duplicate, law.quarantined, law.dropped),
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("recorded") / "days.jsonl", [*many(LINES)])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path, recorded: Path) -> Result:
    home = DeskHome(tmp_path_factory.mktemp("undisturbed"), gazetteer_file)
    home.ok("replay", recorded)
    result = result_of(home)
    assert len(result.alerts) > 50
    assert result.outcomes[0] == LINES
    return result


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_killed_replay_comes_out_as_the_undisturbed_one(
    make_home: Callable[..., DeskHome], recorded: Path, undisturbed: Result, point: str, nth: int
) -> None:
    home = make_home()
    killed = home.run("replay", recorded, WATCHDESK_CRASH_AT=f"{point}:{nth}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    home.ok("replay", recorded)
    assert result_of(home) == undisturbed


def test_replay_killed_at_each_point_in_turn_comes_out_the_same(
    make_home: Callable[..., DeskHome], recorded: Path, undisturbed: Result
) -> None:
    home = make_home()
    for point in POINTS:
        home.run("replay", recorded, WATCHDESK_CRASH_AT=f"{point}:1")
    home.ok("replay", recorded)
    assert result_of(home) == undisturbed
