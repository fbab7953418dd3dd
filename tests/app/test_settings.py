"""Settings: what is read, what is refused, and with which line. Each refusal is one line that says what to change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings import VARIABLES, Settings, load_settings, prepare_home

ROOT = Path(__file__).parents[2]
LOCAL = "/dev/sda1 / ext4 rw 0 0\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def load(home: Path, toml: str = "", mounts: str = LOCAL, **environ: str) -> Settings:
    config = home.parent / "watchdesk.toml"
    config.write_text(toml, encoding="utf-8")
    given = {"WATCHDESK_HOME": str(home), "WATCHDESK_CONFIG": str(config)}
    return load_settings(given | environ, mounts=mounts)


def refusal(home: Path, toml: str = "", mounts: str = LOCAL, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(home, toml, mounts, **environ)
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_nothing_given_means_one_process_on_sqlite_in_the_home() -> None:
    settings = load_settings({}, mounts=LOCAL)
    assert settings.home == Path("var")
    assert settings.database_url == "sqlite+aiosqlite:///var/watchdesk.db"
    assert settings.database.file == Path("var/watchdesk.db")
    assert settings.stream_url == ""
    assert settings.stream.kafka is None
    assert (settings.host, settings.port, settings.ops_port) == ("127.0.0.1", 8000, 0)
    assert settings.config.watches == ()


def test_a_missing_database_url_is_told_in_one_notice(home: Path) -> None:
    assert load(home).notices == (f"WATCHDESK_DATABASE_URL is not set: using SQLite at {home}/watchdesk.db",)
    assert load(home, WATCHDESK_DATABASE_URL="sqlite:///other.db").notices == ()


def test_every_variable_has_a_meaning_and_stands_once() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(names) == len(set(names))
    assert all(name.startswith("WATCHDESK_") for name in names)
    assert all(variable.meaning.endswith(".") or ":" in variable.meaning for variable in VARIABLES)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("WATCHDESK_KAFKA_BOOTSTRAP", ""),
        ("WATCHDESK_STREM_URL", "WATCHDESK_STREAM_URL"),
        ("WATCHDESK_DATABSE_URL", "WATCHDESK_DATABASE_URL"),
        ("WATCHDESK_SECRET_KEYS", "WATCHDESK_SECRET_KEY"),
        ("WATCHDESK_ZZZ", ""),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(home: Path, wrong: str, right: str) -> None:
    said = refusal(home, **{wrong: "x"})
    assert f"unknown setting {wrong}" in said
    if right:
        assert said.endswith(f"did you mean {right}?")


def test_a_name_that_the_config_cites_is_known_and_its_value_can_be_read(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("xapp-1\n", encoding="utf-8")
    secret.chmod(0o600)
    toml = (
        '[x]\nbearer_token_env = "WATCHDESK_X_TOKEN"\n[[destination]]\nname = "d"\ntype = "slack"\nurl_env = "SLACK"\n'
    )
    settings = load(home, toml, WATCHDESK_X_TOKEN_FILE=str(secret), SLACK="https://hooks.example/1")
    assert settings.secret_of("WATCHDESK_X_TOKEN") == "xapp-1"
    assert settings.secret_of("SLACK") == "https://hooks.example/1"
    assert set(settings.secrets()) == {"xapp-1", "https://hooks.example/1"}


def test_no_secret_is_in_the_representation_of_settings(home: Path) -> None:
    canary = "canary-0123456789-0123456789-0123456789"
    toml = '[[destination]]\nname = "d"\ntype = "slack"\nurl_env = "SLACK"\n'
    settings = load(
        home,
        toml,
        SLACK=canary,
        WATCHDESK_SECRET_KEY=canary,
        WATCHDESK_BOOTSTRAP_KEY=canary,
        WATCHDESK_DEADMAN_URL=canary,
        WATCHDESK_STREAM_URL="kafka://b:9092",
        WATCHDESK_KAFKA_USERNAME="u",
        WATCHDESK_KAFKA_PASSWORD=canary,
        WATCHDESK_DATABASE_URL=f"postgresql://u:{canary}@db/desk",
    )
    assert canary not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WATCHDESK_PORT", "http", "is not a whole number"),
        ("WATCHDESK_PORT", "tcp://10.0.0.1:80", "set enableServiceLinks: false"),
        ("WATCHDESK_PORT_8000_TCP", "tcp://[fd00::1]:8000", "set enableServiceLinks: false"),
        ("WATCHDESK_PORT", "70000", "is out of range 0 to 65535"),
        ("WATCHDESK_LOG_LEVEL", "inof", "did you mean info?"),
        ("WATCHDESK_LOG_FORMAT", "xml", "is not one of auto, json, text"),
        ("WATCHDESK_DEMO", "maybe", "is not one of yes, no"),
        ("WATCHDESK_WATCHDOG_PERIOD", "a minute", "is not a number of seconds"),
        ("WATCHDESK_WATCHDOG_PERIOD", "nan", "is out of range"),
        ("WATCHDESK_RETENTION_DAYS", "-1", "is out of range"),
        ("WATCHDESK_ALERT_RETENTION_DAYS", "for ever", "is not a whole number"),
        ("WATCHDESK_SECRET_KEY", "short", "has 5 characters; it needs 32"),
        ("WATCHDESK_CORS_ORIGINS", "*", "is not an origin"),
        ("WATCHDESK_CORS_ORIGINS", "null", "is not an origin"),
        ("WATCHDESK_CRASH_AT", "desk.befor_commit:1", "did you mean desk.before_commit?"),
        ("WATCHDESK_DATABASE_URL", "mysql://h/d", "is not sqlite or postgresql"),
        ("WATCHDESK_DATABASE_URL", "sqlite://", "names no file"),
        ("WATCHDESK_DATABASE_URL", "postgresql:///d", "names no host"),
        ("WATCHDESK_STREAM_URL", "kafak://b:1", "is not kafka://host:port"),
        ("WATCHDESK_STREAM_URL", "kafka://broker", "is not host:port"),
        ("WATCHDESK_STREAM_URL", "kafka://me:pw@broker:9092", "holds a user"),
        ("WATCHDESK_KAFKA_COMPRESSION", "lz4", "is not one of none, zstd"),
        ("WATCHDESK_KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "needs WATCHDESK_KAFKA_USERNAME"),
        ("WATCHDESK_KAFKA_CA_FILE", "/nowhere/ca.pem", "there is no file"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(home: Path, name: str, value: str, said: str) -> None:
    refused = refusal(home, **{name: value})
    assert name in refused
    assert said in refused


def test_a_request_timeout_within_the_session_timeout_is_refused_with_both_numbers(home: Path) -> None:
    said = refusal(home, WATCHDESK_KAFKA_REQUEST_TIMEOUT="8", WATCHDESK_KAFKA_SESSION_TIMEOUT="10")
    assert "WATCHDESK_KAFKA_REQUEST_TIMEOUT=8" in said
    assert "WATCHDESK_KAFKA_SESSION_TIMEOUT=10" in said


def test_a_session_below_three_heartbeats_is_refused_with_both_numbers(home: Path) -> None:
    said = refusal(home, WATCHDESK_KAFKA_HEARTBEAT="4")
    assert "WATCHDESK_KAFKA_SESSION_TIMEOUT=10" in said
    assert "WATCHDESK_KAFKA_HEARTBEAT=4" in said


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_sqlite_on_a_network_disk_is_refused(home: Path, kind: str) -> None:
    mounts = f"{LOCAL}server:/share {home.parent} {kind} rw 0 0\n"
    assert f"is on {kind}, where SQLite's write-ahead log is unsafe" in refusal(home, mounts=mounts)


def test_a_network_disk_is_no_matter_to_postgresql_and_kafka(home: Path) -> None:
    mounts = f"{LOCAL}server:/share {home.parent} nfs4 rw 0 0\n"
    settings = load(
        home,
        mounts=mounts,
        WATCHDESK_DATABASE_URL="postgresql://u@db/desk",
        WATCHDESK_STREAM_URL="kafka://b1:9092,b2:9092",
    )
    assert settings.database_url == "postgresql+asyncpg://u@db/desk"
    assert settings.stream.kafka is not None
    assert settings.stream.kafka.bootstrap == ("b1:9092", "b2:9092")


def test_a_secret_file_that_everybody_can_read_is_refused(home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("k" * 40, encoding="utf-8")
    secret.chmod(0o644)
    assert f"chmod 600 {secret}" in refusal(home, WATCHDESK_SECRET_KEY_FILE=str(secret))
    secret.chmod(0o600)
    assert load(home, WATCHDESK_SECRET_KEY_FILE=str(secret)).secret_key == "k" * 40


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot read")])
def test_a_secret_file_that_holds_no_secret_is_refused(
    home: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    secret = tmp_path / "key"
    if content is not None:
        secret.write_bytes(content)
        secret.chmod(0o600)
    assert said in refusal(home, WATCHDESK_SECRET_KEY_FILE=str(secret))


def test_a_secret_given_twice_is_refused(home: Path) -> None:
    assert "are both set" in refusal(home, WATCHDESK_SECRET_KEY="k" * 40, WATCHDESK_SECRET_KEY_FILE="/run/key")


def test_a_config_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        load_settings({"WATCHDESK_CONFIG": str(tmp_path / "none.toml")}, mounts=LOCAL)


def test_a_timezone_that_is_none_is_refused(home: Path) -> None:
    assert "[desk] timezone 'Asia/Damascs'" in refusal(home, '[desk]\ntimezone = "Asia/Damascs"\n')
    assert load(home, '[desk]\ntimezone = "Asia/Damascus"\n').config.desk.timezone == "Asia/Damascus"


def test_a_home_that_is_a_file_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match="is not a folder"):
        load_settings({"WATCHDESK_HOME": str(file)}, mounts=LOCAL)


def test_a_home_that_cannot_be_made_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match=f"cannot write in {file}/home"):
        prepare_home(file / "home")


def test_a_home_is_made_when_it_is_prepared(tmp_path: Path) -> None:
    prepare_home(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def run(code: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(environ),
        check=False,
        timeout=30,
    )


def test_reading_settings_loads_nothing_heavy_and_takes_less_than_150_ms_of_cpu() -> None:
    code = (
        "import time, sys; start = time.process_time(); import app.settings; app.settings.load_settings({});"
        "print(time.process_time() - start, *[m for m in ('sqlalchemy', 'fastapi', 'numpy', 'lark', 'aiokafka') if m in sys.modules])"
    )
    answers = [run(code, os.environ).stdout.split() for _ in range(3)]
    assert all(len(answer) == 1 for answer in answers)
    assert min(float(answer[0]) for answer in answers) < 0.150
