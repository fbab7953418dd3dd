"""Whatever a command raises, a person sees one line, and a script sees an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Runs the real entry point on a command line whose command raises what the case names.
PROGRAM = """
import sys
from app import __main__ as entry
from app.errors import RuleError, SettingsError, Unavailable

RAISED = {
    "user": SettingsError("WATCHDESK_PORT is no port"),
    "rule": RuleError("unknown operator", rule="strike neer:Idlib", position=7),
    "down": Unavailable("database", "connection refused"),
    "bug": ZeroDivisionError("two\\nlines"),
    "interrupted": KeyboardInterrupt(),
    "grouped": ExceptionGroup("a", [ValueError("late"), ExceptionGroup("b", [SettingsError("port taken")])]),
}

def invoke(context):
    if case == "pour":
        for number in range(100_000):
            print("line", number)
    else:
        raise RAISED[case]

case = sys.argv.pop()
entry.watchdesk.invoke = invoke
entry.main()
"""


def run(case: str, home: Path, *, pipe: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "WATCHDESK_HOME": str(home), "PROGRAM": PROGRAM}
    command = f'"{sys.executable}" -c "$PROGRAM" run {case} {pipe}'
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environ, check=False, timeout=30)


@pytest.mark.parametrize(
    ("case", "code", "line"),
    [
        ("user", 2, "watchdesk: WATCHDESK_PORT is no port\n"),
        ("grouped", 2, "watchdesk: port taken\n"),
        ("down", 3, "watchdesk: database: connection refused\n"),
        ("interrupted", 130, "\n"),  # so the prompt stands below the ^C
    ],
)
def test_an_expected_error_is_one_line_and_its_exit_code(case: str, code: int, line: str, tmp_path: Path) -> None:
    result = run(case, tmp_path)

    assert (result.returncode, result.stderr) == (code, line)
    assert not list(tmp_path.iterdir())


def test_a_wrong_rule_is_shown_with_a_caret(tmp_path: Path) -> None:
    result = run("rule", tmp_path)

    assert result.returncode == 2
    assert result.stderr.splitlines()[1:] == ["  strike neer:Idlib", "         ^"]


def test_an_unexpected_error_leaves_its_traceback_in_the_home(tmp_path: Path) -> None:
    result = run("bug", tmp_path)

    (log,) = tmp_path.iterdir()
    assert result.returncode == 70
    assert result.stderr == f"watchdesk: unexpected ZeroDivisionError: two lines (the traceback is in {log})\n"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_still_gets_its_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = run("bug", tmp_path / "file")

    assert result.returncode == 70
    assert result.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_ends_us_quietly(tmp_path: Path) -> None:
    result = run("pour", tmp_path, pipe="| head -n 1")

    assert (result.stdout, result.stderr) == ("line 0\n", "")
