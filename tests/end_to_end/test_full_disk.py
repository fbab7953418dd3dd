"""A disk that runs full under a running desk: it waits and says why, and goes on with everything when there is room again."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.small_disk import MB, SmallDisk, small_disk

TEXT = "Shelling hits a market in Saraqib, call number {number}"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "desk" / "home", 48) as mounted:
            yield mounted
    except (PermissionError, FileNotFoundError):
        pytest.skip("mounting a small disk needs root")


def hand_in(api: str, number: int) -> int:
    body = json.dumps({"id": f"call-{number}", "author": "desk", "text": TEXT.format(number=number)}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}/v1/posts", data=body, headers=headers)  # noqa: S310 - ours, on loopback
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def held(ops: str) -> bool:
    with urllib.request.urlopen(f"{ops}/metrics", timeout=10) as reply:  # noqa: S310
        return b"\nwatchdesk_intake_held 1.0" in reply.read()


def test_a_full_disk_holds_the_intake_and_loses_nothing(disk: SmallDisk, home: DeskHome) -> None:
    home.env["WATCHDESK_BALLAST_MB"] = "4"
    role = Role(home, "run", ("run",))
    role.start()
    accepted = 0
    try:
        wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
        api, ops = str(role.addresses("API at")), str(role.addresses("ops of run at"))
        assert (disk.path / "ballast").stat().st_size == 4 * MB
        accepted += hand_in(api, 0) == 202
        wait_for(lambda: home.law().stored == 1, 30, "the first post")

        disk.fill(leave=2 * MB)
        accepted += hand_in(api, 1) == 202
        wait_for(lambda: home.law().stored == 2, 30, "the post for which the ballast went")
        assert not (disk.path / "ballast").exists()

        disk.fill(leave=2 * MB)
        accepted += hand_in(api, 2) == 202
        wait_for(lambda: held(ops), 30, "the intake to be held")
        disk.fill(leave=0)
        assert hand_in(api, 3) == 503
        assert role.running.poll() is None, role.tail()
        log = role.log.read_text(encoding="utf-8")
        assert "the ballast was given up" in log
        assert f"{disk.path}: " in log
        assert "bytes are free, and below 2,516,582 nothing is taken in" in log

        disk.empty()
        wait_for(lambda: home.law().stored == accepted, 30, "everything that was accepted")
        assert hand_in(api, 4) == 202
        wait_for(lambda: home.law().stored == accepted + 1, 30, "a post after it")
        assert not held(ops)
    finally:
        assert role.stop() == 0, role.tail()

    assert accepted == 3
    assert home.law().in_flight == 0
    for name in ("log.db", "watchdesk.db"):
        with sqlite3.connect(disk.path / name) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_does_not_keep_a_desk_from_stopping(disk: SmallDisk, home: DeskHome) -> None:
    role = Role(home, "run", ("run",))
    role.start()
    wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
    api, ops = str(role.addresses("API at")), str(role.addresses("ops of run at"))
    disk.fill(leave=2 * MB)
    assert hand_in(api, 1) == 202
    wait_for(lambda: held(ops), 30, "the intake to be held")
    assert role.stop() == 0, role.tail()

    disk.empty()
    role.start()
    try:
        wait_for(lambda: home.law().stored == 1, 60, "the post that waited in the inbox")
    finally:
        assert role.stop() == 0, role.tail()
