"""The list of commands: fast, complete, and helpful about a wrong name."""

import re
import resource
import subprocess
import sys
from collections.abc import Callable

import pytest

from app.cli.root import COMMANDS, load

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads(name: str) -> None:
    assert load(COMMANDS[name]).help


def test_help_lists_every_command_in_a_fraction_of_a_second(cli: Cli) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = cli("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert result.returncode == 0
    assert all(re.search(rf"^  {name} ", result.stdout, re.MULTILINE) for name in COMMANDS)
    assert after.ru_utime - before.ru_utime < 0.3  # seconds of CPU: others may be busy; 0.05 on a quiet machine


def test_help_loads_no_heavy_library() -> None:
    code = "import sys; from app.__main__ import run; run(['--help']); print(*sys.modules, file=sys.stderr)"

    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    )

    assert not loaded & {"sqlalchemy", "fastapi", "aiokafka", "rich", "msgspec", "aiohttp", "numpy"}


def test_a_wrong_command_is_answered_with_the_nearest_right_one(cli: Cli) -> None:
    result = cli("incident")

    assert result.returncode == 2
    assert result.stderr == "watchdesk: no such command 'incident'; did you mean incidents?\n"
