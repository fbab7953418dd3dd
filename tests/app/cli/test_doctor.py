from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.db.session import open_database
from tests.app.cli.conftest import Cli
from tests.parts.small_disk import MB, small_disk
from tests.rows import incident_row, store


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


def test_a_home_that_cannot_be_written_fails_and_stops_no_other_check(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"

    done = cli("doctor", "--json", WATCHDESK_HOME=str(home), WATCHDESK_PORT="0")

    found = {one["check"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert (done.returncode, done.stderr) == (1, "")
    assert found["home"]["state"] == found["disk"]["state"] == found["database"]["state"] == "fail"
    assert found["home"]["detail"] == f"WATCHDESK_HOME: cannot write in {home}: Not a directory"
    assert str(home) in found["disk"]["detail"]
    assert "destinations" in found


def test_a_place_index_that_is_named_and_not_there_fails_with_the_command_that_makes_it(cli: Cli) -> None:
    done = cli("doctor", "--json", WATCHDESK_GAZETTEER="/nowhere/places.bin", WATCHDESK_PORT="0")

    (found,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["check"] == "places"]
    assert done.returncode == 1
    assert found["state"] == "fail"
    assert "watchdesk gazetteer build --out /nowhere/places.bin" in found["detail"]


def test_the_clock_and_housekeeping_are_looked_at_and_a_database_without_our_tables_stops_no_check(
    cli: Cli, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "watchdesk.db")) as connection:
        connection.execute("CREATE TABLE other (a)")
    found = {one["check"]: one for one in map(json.loads, cli("doctor", "--json").stdout.splitlines())}
    assert (found["clock"]["state"], found["database"]["state"]) == ("ok", "fail")
    assert "no other clock was heard" in found["clock"]["detail"]
    assert (
        found["housekeeping"]["detail"]
        == found["destinations"]["detail"]
        == ("nothing can be read before the database is migrated")
    )


def test_exercises_that_nobody_tidies_away_are_told(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").returncode == 0
    long_ago = datetime.now(UTC) - timedelta(days=3)

    async def leave() -> None:
        async with open_database(f"sqlite:///{tmp_path}/watchdesk.db", role="cli") as database:
            await store(database, incident_row(1, exercise=True, stored_at=long_ago))

    asyncio.run(leave())
    found = {one["check"]: one for one in map(json.loads, cli("doctor", "--json").stdout.splitlines())}
    assert found["housekeeping"]["state"] == "look"
    assert "watchdesk consume desk" in found["housekeeping"]["todo"]


def test_a_destination_that_lacks_its_secret_is_found_before_any_alert_waits_for_it(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "watchdesk.toml"
    config.write_text('[[destination]]\nname = "hook"\ntype = "webhook"\nurl = "https://hook.example/"\n')
    settings = {"WATCHDESK_CONFIG": str(config), "WATCHDESK_SECRET_KEY": "a key of at least thirty-two characters"}
    assert cli("migrate", **settings).returncode == 0
    found = {one["check"]: one for one in map(json.loads, cli("doctor", "--json", **settings).stdout.splitlines())}
    assert found["destinations"]["state"] == "fail"
    assert "watchdesk destination rotate hook" in found["destinations"]["detail"]
    assert cli("destination", "rotate", "hook", **settings).returncode == 0
    found = {one["check"]: one for one in map(json.loads, cli("doctor", "--json", **settings).stdout.splitlines())}
    assert (found["destinations"]["state"], found["destinations"]["detail"]) == ("ok", "hook")
