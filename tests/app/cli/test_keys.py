from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.keys import group
from app.db.keys import parse_token
from app.errors import UserError


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("WATCHDESK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_a_key_is_made_listed_and_revoked_before_anything_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runner(tmp_path, monkeypatch)
    made = run.invoke(
        group, ["create", "night desk", "--scope", "read", "--scope", "ack", "--days", "30"], catch_exceptions=False
    )
    key_id, secret = parse_token(made.stdout.strip()) or ("", "")
    assert key_id
    listed = run.invoke(group, ["list", "--json"], catch_exceptions=False)
    (row,) = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (row["id"], row["name"], row["scopes"], row["revoked_at"]) == (key_id, "night desk", ["read", "ack"], None)
    assert secret not in listed.stdout
    run.invoke(group, ["revoke", key_id], catch_exceptions=False)
    assert "revoked" in run.invoke(group, ["list"], catch_exceptions=False).stdout
    with pytest.raises(UserError, match="no key"):
        run.invoke(group, ["revoke", key_id], catch_exceptions=False)


def test_a_scope_that_does_not_exist_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runner(tmp_path, monkeypatch)
    assert run.invoke(group, ["create", "x", "--scope", "write"]).exit_code == 2
