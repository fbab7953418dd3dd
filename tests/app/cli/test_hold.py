from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.hold import group
from app.db.migrate import upgrade
from app.db.session import open_database
from app.errors import UserError
from app.settings import load_settings
from tests.rows import post_row, store


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("WATCHDESK_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    async def fill() -> None:
        url = load_settings({"WATCHDESK_HOME": str(tmp_path)}).database_url
        await upgrade(url)
        async with open_database(url, role="cli") as database:
            await store(database, post_row("5", text="words"))

    asyncio.run(fill())
    return CliRunner()


def test_a_hold_is_placed_listed_and_lifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = runner(tmp_path, monkeypatch)
    placed = run.invoke(
        group, ["add", "5", "--why", "a complaint", "--until", "2099-01-02", "--as", "ann"], catch_exceptions=False
    )
    assert placed.stdout == "x:5 is held until 2099-01-02 00:00 UTC\n"
    (row,) = [json.loads(line) for line in run.invoke(group, ["list", "--json"]).stdout.splitlines()]
    assert (row["subject"], row["who"], row["why"], row["until"]) == (
        "x:5",
        "ann",
        "a complaint",
        "2099-01-02T00:00:00Z",
    )
    assert "a complaint" in run.invoke(group, ["list"], catch_exceptions=False).stdout
    lifted = run.invoke(group, ["remove", "5"], catch_exceptions=False)
    assert lifted.stdout == "x:5 is held no more: what was deleted meanwhile is gone\n"
    assert run.invoke(group, ["list"], catch_exceptions=False).stdout == "no holds\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "x:none", "--why", "a", "--until", "2099-01-01"], "neither a post nor a source"),
        (["add", "5", "--why", "a", "--until", "2001-01-01"], "ended already"),
        (["add", "5", "--why", " ", "--until", "2099-01-01"], "needs a reason"),
        (["remove", "5"], "no hold on 5"),
    ],
)
def test_a_hold_that_means_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    run = runner(tmp_path, monkeypatch)
    with pytest.raises(UserError, match=says):
        run.invoke(group, arguments, catch_exceptions=False)
