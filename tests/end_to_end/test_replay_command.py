"""`watchdesk replay` as a person types it: a count line, once only, and one at a time."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.home import hold_home
from tests.end_to_end.lines import line
from tests.parts.desk_home import DeskHome, write_lines


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Two posts of one strike, a line that is no post, an empty line and a gap."""
    gap = {"type": "gap", "from": "2018-09-04T06:05:00Z", "to": "2018-09-04T06:06:00Z", "reason": "moved"}
    return write_lines(
        tmp_path / "day.jsonl",
        [
            line(1, "#RuAF strikes near Jisr al-Shughur, Idlib", 0, "ward"),
            b"not json",
            b"",
            gap,
            line(2, "Russian air strikes on Jisr al-Shughur this morning", 10, "hill"),
        ],
    )


def test_it_prints_a_count_line_and_a_second_run_adds_nothing(home: DeskHome, day: Path) -> None:
    first = home.ok("replay", day)
    stored = home.objects("incidents", "--json"), home.objects("alerts", "--json")
    second = home.ok("replay", day)

    assert first.startswith("2 posts, 1 quarantined, 1 gaps, 1 empty lines in ")
    assert second.startswith("0 posts, 0 quarantined, 0 gaps, 0 empty lines in ")
    assert second.endswith("; 1 of 1 files added nothing: replayed before\n")
    assert (home.objects("incidents", "--json"), home.objects("alerts", "--json")) == stored
    assert [alert["step"] for alert in stored[1]] == ["first", "promoted"]


def test_history_stores_incidents_and_raises_no_alert(home: DeskHome, day: Path) -> None:
    home.ok("replay", "--history", day)

    assert len(home.objects("incidents", "--json")) == 1
    assert home.objects("alerts", "--json") == []


def test_while_another_process_owns_the_home_it_says_who(home: DeskHome, day: Path) -> None:
    with hold_home(home.home, command="run", since=datetime.now(UTC)):
        result = home.run("replay", day)

    assert result.returncode == 2
    assert f"is held by process {os.getpid()} (watchdesk run, since ".encode() in result.stderr
    assert result.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["no.jsonl"], b"'no.jsonl' does not exist"), (["--speed", "0", __file__], b"neither 'max' nor")],
)
def test_what_cannot_be_done_is_one_line(home: DeskHome, arguments: list[str], said: bytes) -> None:
    result = home.run("replay", *arguments)

    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count(b"\n") == 1
