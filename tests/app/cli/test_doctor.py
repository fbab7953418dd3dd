from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.cli.conftest import Cli
from tests.parts.small_disk import MB, small_disk


def test_a_disk_without_room_fails_and_the_ballast_is_released_on_demand(cli: Cli, tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "home", 20) as disk:
            (disk.path / "ballast").write_bytes(bytes(2 * MB))
            disk.fill(leave=MB // 2)
            done = cli("doctor", "--json", WATCHDESK_HOME=str(disk.path))
            (found,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["check"] == "disk"]
            assert done.returncode == 1
            assert found["state"] == "fail"
            assert found["detail"].startswith(
                f"{disk.path}: 520,192 of 20,971,520 bytes are free"
            )  # home.lock has a page
            assert "--release-ballast" in found["todo"]

            done = cli("doctor", "--release-ballast", WATCHDESK_HOME=str(disk.path))
            assert "2,097,152 bytes released" in done.stderr
            assert not (disk.path / "ballast").exists()
    except (PermissionError, FileNotFoundError):
        pytest.skip("mounting a small disk needs root")
