from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

Cli = Callable[..., "CompletedProcess[str]"]


def test_a_post_is_handed_in_by_its_address_and_its_words(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").returncode == 0
    url = "https://x.com/ward/status/1036978342000000000"
    done = cli("post", url, "--as", "ann", stdin="Jets over the town\n")
    assert done.stdout == "x:1036978342000000000 of ward is handed in\n"
    with closing(sqlite3.connect(tmp_path / "watchdesk.db")) as database:
        (line,) = database.execute("SELECT line FROM inbox").fetchone()
        deed = database.execute("SELECT who, action, subject FROM audit").fetchone()
    assert '"text":"Jets over the town"' in line
    assert deed == ("ann", "post_handed_in", "x:1036978342000000000")


def test_what_is_missing_is_said_in_a_line(cli: Cli) -> None:
    assert cli("migrate").returncode == 0
    done = cli("post", "--text", "Jets over the town")
    assert done.returncode == 2
    assert done.stderr == "watchdesk: say whose post it is and which: id is missing, and no url tells it\n"
