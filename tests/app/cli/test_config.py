"""`watchdesk config` as it is called: exit codes, one line, no traceback, no secret."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CANARY = "canary-0123456789-0123456789-0123456789"


def call(tmp_path: Path, *arguments: str, toml: str | bytes = b"", **environ: str) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "watchdesk.toml"
    config.write_bytes(toml if isinstance(toml, bytes) else toml.encode())
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WATCHDESK_")}
    given = {"WATCHDESK_HOME": str(tmp_path / "home"), "WATCHDESK_CONFIG": str(config), "WATCHDESK_PORT": "0"}
    return subprocess.run(
        [sys.executable, "-m", "app", "config", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=clean | given | environ,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("environ", "toml", "line"),
    [
        ({"WATCHDESK_KAFKA_BOOSTRAP": "b"}, b"", "unknown setting WATCHDESK_KAFKA_BOOSTRAP"),
        ({}, b"kafka_boostrap = 1", "unknown table [kafka_boostrap]"),
        ({"WATCHDESK_KAFKA_REQUEST_TIMEOUT": "5"}, b"", "WATCHDESK_KAFKA_REQUEST_TIMEOUT=5"),
        ({"WATCHDESK_KAFKA_HEARTBEAT": "5"}, b"", "WATCHDESK_KAFKA_HEARTBEAT=5"),
        ({"WATCHDESK_PORT": "tcp://10.0.0.1:8000"}, b"", "set enableServiceLinks: false in the pod"),
        ({"WATCHDESK_SECRET_KEY_FILE": "/nowhere"}, b"", "WATCHDESK_SECRET_KEY_FILE: cannot read /nowhere"),
        ({"WATCHDESK_DATABASE_URL": "oracle://x"}, b"", "WATCHDESK_DATABASE_URL"),
        ({"WATCHDESK_STREAM_URL": "kafka://"}, b"", "WATCHDESK_STREAM_URL"),
        ({"WATCHDESK_HOME": "/dev/null"}, b"", "WATCHDESK_HOME: /dev/null is not a folder"),
        ({"WATCHDESK_LOG_LEVEL": "loud"}, b"", "WATCHDESK_LOG_LEVEL='loud' is not one of"),
        ({}, b'[[watch]]\n\tname = "a"\n\tname = "b"\n', "line 3"),
        ({}, b'[[source]]\nid = "x:a"\narea = no\n', "line 3"),
        ({}, b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
        ({}, b"\xff\xfe", "is not UTF-8"),
        ({}, b'[desk]\ntimezone = "Mars"\n', "timezone 'Mars'"),
        ({"WATCHDESK_CONFIG": "/nowhere.toml"}, b"", "there is no file /nowhere.toml"),
    ],
)
def test_settings_that_cannot_be_used_exit_2_within_2_s_with_one_line(
    tmp_path: Path, environ: dict[str, str], toml: bytes, line: str
) -> None:
    start = time.monotonic()
    called = call(tmp_path, "check", toml=toml, **environ)
    assert time.monotonic() - start < 2
    assert called.returncode == 2
    assert called.stdout == ""
    (only,) = called.stderr.splitlines()
    assert line in only


def test_an_error_that_is_found_exits_2_and_a_warning_does_not(tmp_path: Path) -> None:
    broken = call(tmp_path, "check", toml='[[watch]]\nname = "w"\nrule = "idlib ("\n')
    assert broken.returncode == 2
    assert broken.stdout.startswith("error: watch w: this bracket is not closed\n  idlib (\n        ^")
    fine = call(tmp_path, "check", toml='[[watch]]\nname = "w"\nrule = "idlib"\n[x]\nbearer_token_env = "X_TOKEN"\n')
    assert fine.returncode == 0
    assert fine.stdout.splitlines()[-1] == "settings are usable: 0 sources, 1 watches, 0 destinations"


def test_what_works_but_not_as_one_may_think_is_warned_of_with_the_numbers(tmp_path: Path) -> None:
    hours = {"WATCHDESK_STREAM_RETENTION_DAYS": "1", "WATCHDESK_BACKUP_HOURS": "48"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        called = call(tmp_path, "check", WATCHDESK_OPS_PORT=str(port), **hours)
    assert called.returncode == 0
    warnings = [line for line in called.stdout.splitlines() if line.startswith("warning: ")]
    assert [line.split(": ")[1] for line in warnings] == ["WATCHDESK_OPS_PORT", "WATCHDESK_STREAM_RETENTION_DAYS"]
    assert f"port {port}" in warnings[0]
    assert "records stand for 24 h, backups are 48 h apart" in warnings[1]


def test_a_file_made_to_cost_time_is_refused_like_any_other(tmp_path: Path) -> None:
    called = call(tmp_path, "check", toml="[desk" + ".a" * 400_000 + "]\n")
    assert called.returncode == 2
    assert called.stderr == "watchdesk: watchdesk.toml line 1: a name has more than 32 parts between dots\n"


def test_an_ascii_locale_stops_nothing(tmp_path: Path) -> None:
    toml = '[[watch]]\nname = "إدلب"\nrule = "إدلب ("\n'
    called = call(tmp_path, "check", toml=toml, LC_ALL="POSIX", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert called.returncode == 2
    assert "watch إدلب" in called.stdout


def test_settings_are_shown_with_where_they_come_from_and_without_secrets(tmp_path: Path) -> None:
    toml = '[[destination]]\nname = "desk"\ntype = "slack"\nurl_env = "SLACK_URL"\n'
    called = call(
        tmp_path, "show", toml=toml, SLACK_URL=CANARY, WATCHDESK_SECRET_KEY=CANARY, WATCHDESK_LOG_LEVEL="debug"
    )
    assert called.returncode == 0
    assert CANARY not in called.stdout + called.stderr
    lines = called.stdout.splitlines()
    assert "WATCHDESK_LOG_LEVEL=debug  # environment" in lines
    assert "WATCHDESK_SECRET_KEY=(set, hidden)  # environment" in lines
    assert f"SLACK_URL=(set, hidden)  # named in {tmp_path}/watchdesk.toml" in lines
    assert "WATCHDESK_LOG_FORMAT=auto  # default" in lines


def test_no_refusal_repeats_a_secret(tmp_path: Path) -> None:
    for name in ("WATCHDESK_DATABASE_URL", "WATCHDESK_DEADMAN_URL", "WATCHDESK_STREAM_URL"):
        for value in (f"nonsense://user:{CANARY}@host/x", f"user:{CANARY}@host", f"kafka://user:{CANARY}@host"):
            called = call(tmp_path, "check", **{name: value})
            assert CANARY not in called.stdout + called.stderr
