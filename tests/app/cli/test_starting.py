"""What cannot start is refused in the first moment: exit 2, one line that says what to change, nothing heavy loaded for it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from app.db.migrate import head
from app.home import hold_home, spool_lock

HEAVY = ("sqlalchemy", "alembic", "fastapi", "uvicorn", "numpy", "lark", "aiokafka", "asyncpg", "aiohttp", "tweepy")
STARTING = (["run"], ["migrate"], ["produce"], ["consume"], ["consume", "tag"], ["api"], ["replay", os.devnull])
OWNING = (["run"], ["produce"], ["consume"], ["replay", __file__])


class Refused(NamedTuple):
    """What a command said that must not start."""

    line: str
    seconds: float


def refused(home: Path, *arguments: str, before: Sequence[str] = (), **settings: str) -> str:
    """Run a command that must end with 2 within 2 s, without having loaded a heavy library; return its one line."""
    said = [_refused(home, *arguments, before=before, **settings)]
    if said[0].seconds >= 2:  # a machine that stood still says nothing of the code: once more
        said.append(_refused(home, *arguments, before=before, **settings))
    assert min(one.seconds for one in said) < 2
    return said[-1].line


def _refused(home: Path, *arguments: str, before: Sequence[str] = (), **settings: str) -> Refused:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WATCHDESK_")}
    given = {"WATCHDESK_HOME": str(home), "WATCHDESK_PORT": "0", "PYTHONPROFILEIMPORTTIME": "1"}
    began = time.monotonic()
    done = subprocess.run(
        [*before, sys.executable, "-m", "app", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean | given | settings,
        check=False,
        timeout=60,
    )
    seconds = time.monotonic() - began
    lines = done.stderr.splitlines()
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
    said = [line for line in lines if not line.startswith("import time:")]
    assert (done.returncode, done.stdout) == (2, ""), said
    assert "click" in loaded
    assert not loaded.intersection(HEAVY)
    (line,) = said
    return Refused(line, seconds)


@pytest.mark.parametrize("arguments", STARTING, ids=" ".join)
def test_an_unknown_setting_stops_every_command_within_2_s(tmp_path: Path, arguments: list[str]) -> None:
    said = refused(tmp_path / "home", *arguments, WATCHDESK_STREM_URL="kafka://b:9092")
    assert said == "watchdesk: unknown setting WATCHDESK_STREM_URL; did you mean WATCHDESK_STREAM_URL?"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", OWNING, ids=lambda one: one[0])
def test_a_second_process_in_one_home_is_told_who_holds_it(tmp_path: Path, arguments: list[str]) -> None:
    with hold_home(tmp_path, command="run", since=datetime(2026, 11, 25, 10, tzinfo=UTC)):
        said = refused(tmp_path, *arguments)
    holder = f"process {os.getpid()} (watchdesk run, since 2026-11-25T10:00:00+00:00)"
    assert said == f"watchdesk: the home {tmp_path} is held by {holder}; stop it, or set WATCHDESK_HOME"


@pytest.mark.parametrize(
    ("arguments", "spool"),
    [(["run"], "run"), (["produce"], "all"), (["produce", "x", "rss"], "x-rss"), (["replay", __file__], "replay")],
    ids=lambda one: " ".join(one[:2]) if isinstance(one, list) else one,
)
def test_a_second_process_with_one_spool_beside_a_broker_is_told_who_holds_it(
    tmp_path: Path, arguments: list[str], spool: str
) -> None:
    since = datetime(2026, 11, 25, 10, tzinfo=UTC)
    with hold_home(tmp_path, command="produce", since=since, lock=spool_lock(spool)):
        said = refused(tmp_path, *arguments, WATCHDESK_STREAM_URL="kafka://127.0.0.1:9092")
    assert said.startswith(f"watchdesk: spool-{spool} in the home {tmp_path} is held by process {os.getpid()} (")


@pytest.fixture
def taken() -> Iterator[str]:
    """A port of this machine on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("run", "WATCHDESK_PORT"),
        ("api", "WATCHDESK_PORT"),
        ("run", "WATCHDESK_OPS_PORT"),
        ("produce", "WATCHDESK_OPS_PORT"),
        ("consume", "WATCHDESK_OPS_PORT"),
    ],
)
def test_a_taken_port_is_told_with_its_setting(tmp_path: Path, taken: str, command: str, name: str) -> None:
    said = refused(tmp_path, command, **{name: taken})
    assert said.startswith(
        f"watchdesk: {name.removesuffix('PORT')}HOST/{name}: cannot listen on 127.0.0.1 port {taken}: "
    )


@pytest.mark.parametrize("arguments", STARTING, ids=" ".join)
def test_a_home_that_cannot_be_made_is_told_with_its_path(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    said = refused(home, *arguments)
    assert said == f"watchdesk: WATCHDESK_HOME: cannot write in {home}: Not a directory"


@pytest.mark.parametrize("arguments", STARTING, ids=" ".join)
def test_a_database_of_a_newer_build_is_refused_by_everyone(tmp_path: Path, arguments: list[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "watchdesk.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    said = refused(tmp_path, *arguments)
    assert f"The database is at revision 9999, this build knows {head()}" in said


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("WATCHDESK_DATABASE_URL", "sqlite:////nowhere/desk.db", "WATCHDESK_DATABASE_URL: there is no folder /nowhere"),
        (
            "WATCHDESK_DATABASE_URL",
            f"sqlite:///{__file__}",
            f"WATCHDESK_DATABASE_URL: {__file__} is no SQLite database",
        ),
        ("WATCHDESK_GAZETTEER", "/nowhere/places.bin", "WATCHDESK_GAZETTEER: there is no file /nowhere/places.bin"),
        ("WATCHDESK_OPS_HOST", "192.0.2.1", "WATCHDESK_OPS_HOST/WATCHDESK_OPS_PORT: cannot listen on 192.0.2.1"),
    ],
)
def test_what_a_setting_names_must_be_there(tmp_path: Path, name: str, value: str, line: str) -> None:
    said = refused(tmp_path, "run", **{name: value})
    assert said.startswith(f"watchdesk: {line}")


@pytest.mark.parametrize("command", ["run", "api", "doctor"])
def test_sqlite_on_a_network_disk_is_refused_by_what_the_system_says_is_mounted(tmp_path: Path, command: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n", encoding="utf-8")
    before = ["unshare", "-m", "sh", "-c", f'mount --bind {mounts} /proc/$$/mounts && exec "$@"', "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*before, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("making a mount namespace is not permitted here")
    said = refused(tmp_path / "home", command, before=before)
    assert f"{tmp_path}/home is on nfs4, where SQLite's write-ahead log is unsafe; use a local disk" in said
