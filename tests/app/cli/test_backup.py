from __future__ import annotations

from pathlib import Path

from tests.app.cli.conftest import Cli


def test_a_file_that_cannot_be_written_is_told_in_one_line(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").returncode == 0
    target = tmp_path / "none" / "desk.gz"

    done = cli("backup", str(target))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"watchdesk: cannot write {target}: No such file or directory\n"
