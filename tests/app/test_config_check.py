"""What `config check` finds in settings that can all be read."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.config_check import Finding, check_config
from app.domain.clocks import BUILT
from app.settings import load_settings, port_problem
from tests.builders import small_gazetteer

NOW = datetime(2026, 12, 1, tzinfo=UTC)
GAZETTEER = small_gazetteer()
ACTORS = ("RuAF", "SyAAF", "SAA")
SLACK = '[[destination]]\nname = "desk"\ntype = "slack"\nurl_env = "SLACK_URL"\n'


def check(
    tmp_path: Path, toml: str = "", *, argv: Sequence[str] = (), now: datetime = NOW, **environ: str
) -> list[Finding]:
    config = tmp_path / "watchdesk.toml"
    config.write_text(toml, encoding="utf-8")
    given = {"WATCHDESK_HOME": str(tmp_path / "home"), "WATCHDESK_CONFIG": str(config), "WATCHDESK_PORT": "0"}
    settings = load_settings(given | environ, mounts="")
    return check_config(settings, now=now, gazetteer=GAZETTEER, actors=ACTORS, argv=argv)


def said(found: list[Finding], level: str) -> list[str]:
    return [f"{finding.where}: {finding.says}" for finding in found if finding.level == level]


def watch(rule: str, name: str = "w") -> str:
    return f"[[watch]]\nname = '{name}'\nrule = '{rule}'\n"


def test_settings_without_a_fault_give_notes_only(tmp_path: Path) -> None:
    toml = SLACK + watch('near:"Jisr al-Shughour"~25km') + 'destinations = ["desk"]\n'
    found = check(tmp_path, toml, SLACK_URL="https://hooks.example/1")
    assert {finding.level for finding in found} <= {"note"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("idlib (", "this bracket is not closed"),
        ("-film", "only exclusions"),
        ("near:Jisr", "no place is called Jisr; did you mean Jisr ash-Shughur"),
        ("idlib -idlib", "can never match"),
    ],
)
def test_a_rule_that_cannot_be_used_is_an_error_with_its_watch(tmp_path: Path, rule: str, expected: str) -> None:
    (error,) = said(check(tmp_path, watch(rule)), "error")
    assert error.startswith("watch w: ")
    assert expected in error


def test_the_same_watch_twice_names_the_first_one(tmp_path: Path) -> None:
    found = check(tmp_path, watch("idlib strike", "one") + watch("idlib  (strike)", "two"))
    assert said(found, "warning") == ["watch two: is the same as watch one: every alert comes twice"]


def test_one_rule_with_other_triggers_is_another_watch(tmp_path: Path) -> None:
    toml = watch("idlib", "one") + "[watch.triggers]\norigins = 2\n" + watch("idlib", "two")
    assert said(check(tmp_path, toml), "warning") == []


def test_an_unknown_actor_is_warned_of_with_the_nearest_one(tmp_path: Path) -> None:
    toml = watch("actor:RuAFF") + '[[source]]\nid = "x:mod"\ngrade = "D"\nactor = "SAAA"\n'
    assert said(check(tmp_path, toml), "warning") == [
        "watch w: no post is tagged with actor RuAFF; did you mean RuAF?",
        "source x:mod: no post is tagged with actor SAAA; did you mean SAA?",
    ]


def test_an_ambiguous_place_is_noted(tmp_path: Path) -> None:
    assert any(
        "Idlib is read as Idlib, SY (city)" in note for note in said(check(tmp_path, watch("near:Idlib")), "note")
    )


def test_an_area_that_is_no_place_is_an_error(tmp_path: Path) -> None:
    (error,) = said(check(tmp_path, '[[source]]\nid = "x:a"\ngrade = "B"\narea = "Idlb"\n'), "error")
    assert error.startswith("source x:a: no place is called Idlb; did you mean Idlib")


def test_a_destination_whose_variable_is_not_set_is_an_error(tmp_path: Path) -> None:
    assert said(check(tmp_path, SLACK), "error") == ["destination desk: SLACK_URL is not set (nor SLACK_URL_FILE)"]


def test_a_webhook_whose_secret_we_make_needs_a_key_to_keep_it(tmp_path: Path) -> None:
    toml = '[[destination]]\nname = "hook"\ntype = "webhook"\nurl = "https://a.example"\n'
    (error,) = said(check(tmp_path, toml), "error")
    assert "WATCHDESK_SECRET_KEY must be set" in error
    assert said(check(tmp_path, toml, WATCHDESK_SECRET_KEY="k" * 32), "error") == []


def test_a_token_that_is_not_set_stops_nothing_else(tmp_path: Path) -> None:
    found = check(tmp_path, '[x]\nbearer_token_env = "X_TOKEN"\n')
    assert said(found, "error") == []
    assert said(found, "warning") == ["[x]: X_TOKEN is not set (nor X_TOKEN_FILE): these sources will not be read"]


def test_a_log_shorter_than_the_time_between_backups_is_warned_of_with_both_numbers(tmp_path: Path) -> None:
    found = check(tmp_path, WATCHDESK_STREAM_RETENTION_DAYS="1", WATCHDESK_BACKUP_HOURS="48")
    (warning,) = said(found, "warning")
    assert "records stand for 24 h, backups are 48 h apart: a restore may need 144 h" in warning


def test_a_source_that_must_be_gone_in_a_day_demands_a_short_log_and_backups(tmp_path: Path) -> None:
    toml = '[[source]]\nid = "x:a"\ngrade = "B"\nrights = "delete_24h"\n'
    (error,) = said(check(tmp_path, toml), "error")
    assert "x:a must be gone 24 h after its deletion, but records stand for 168 h" in error
    found = check(tmp_path, toml, WATCHDESK_STREAM_RETENTION_DAYS="1", WATCHDESK_BACKUP_HOURS="8")
    assert said(found, "error") == []


def test_a_clock_before_this_build_is_an_error(tmp_path: Path) -> None:
    (error,) = said(check(tmp_path, now=datetime(1970, 1, 1, tzinfo=UTC)), "error")
    assert "the clock says 1970-01-01" in error
    assert said(check(tmp_path, now=BUILT), "error") == []


def test_a_home_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    (tmp_path / "file").touch()
    (error,) = said(check(tmp_path, WATCHDESK_HOME=str(tmp_path / "file" / "home")), "error")
    assert f"cannot write in {tmp_path}/file/home" in error


def test_a_database_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    found = check(tmp_path, WATCHDESK_DATABASE_URL="sqlite:////nowhere/desk.db")
    assert said(found, "error") == ["WATCHDESK_DATABASE_URL: there is no folder /nowhere: make it"]


def test_a_place_index_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    (error,) = said(check(tmp_path, WATCHDESK_GAZETTEER="/nowhere/places.bin"), "error")
    assert error.startswith("WATCHDESK_GAZETTEER: there is no file /nowhere/places.bin: run `watchdesk gazetteer build")


def test_a_taken_port_is_warned_of_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (warning,) = said(check(tmp_path, WATCHDESK_PORT=str(port)), "warning")
        assert warning == f"WATCHDESK_PORT: cannot listen on 127.0.0.1 port {port}: Address already in use"
    assert port_problem("127.0.0.1", port) is None


def test_a_secret_on_the_command_line_is_warned_of_without_repeating_it(tmp_path: Path) -> None:
    secret = "canary-" * 5
    found = check(tmp_path, argv=["watchdesk", f"--key={secret}"], WATCHDESK_SECRET_KEY=secret)
    (warning,) = said(found, "warning")
    assert "stands on the command line" in warning
    assert secret not in warning


def test_sources_without_a_trusted_one_are_warned_of(tmp_path: Path) -> None:
    assert said(check(tmp_path, '[[source]]\nid = "telegram:a"\n'), "warning") == [
        "sources: no source has a grade of A to D, so no incident can become likely"
    ]


@pytest.mark.parametrize(
    ("section", "days", "told"),
    [
        ("", "0", True),
        ("", "30", True),
        ("", "7", False),
        ("recheck_days = 30\n", "30", False),
        ("recheck_days = 0\n", "1", True),
    ],
)
def test_words_of_x_that_are_kept_for_longer_than_they_are_looked_up_are_told(
    tmp_path: Path, section: str, days: str, told: bool
) -> None:
    toml = f'[x]\nbearer_token_env = "TOKEN"\n{section}'
    notes = said(check(tmp_path, toml, TOKEN="t", WATCHDESK_RETENTION_DAYS=days), "note")
    assert any(note.startswith("[x]: posts of X are looked up") for note in notes) is told
