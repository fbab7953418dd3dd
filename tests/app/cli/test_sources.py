from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import CliRunner

from app.cli.migrate import command as migrate
from app.cli.sources import group
from app.clock import SystemClock
from app.db.models import GapRow
from app.db.session import open_database
from app.domain.gazetteer_index import build_index
from app.errors import UserError
from app.gazetteer_file import write_whole
from tests.builders import place_rows
from tests.rows import store
from tests.simulator.fake_feed import FakeFeed

Cli = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("WATCHDESK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def said(run: CliRunner, *arguments: str) -> str:
    return run.invoke(group, list(arguments), catch_exceptions=False).stdout


def listed(run: CliRunner) -> dict[str, dict[str, object]]:
    return {row["id"]: row for row in map(json.loads, said(run, "list", "--json").splitlines())}


def test_a_source_is_added_changed_and_retired_before_anything_ran(run: CliRunner) -> None:
    arguments = ["add", "x:SyriaCivilDef", "--grade", "B", "--owner", "Syria Civil Defence", "--area", "idlib"]
    assert said(run, *arguments) == "x:SyriaCivilDef is added\n"
    assert said(run, *arguments) == "x:SyriaCivilDef is unchanged\n"
    assert said(run, *arguments, "--option", "via=activity") == "x:SyriaCivilDef is changed\n"
    row = listed(run)["x:SyriaCivilDef"]
    assert (row["owner"], row["grade"], row["area"], row["state"]) == ("Syria Civil Defence", "B", "idlib", "unknown")
    assert said(run, "remove", "x:SyriaCivilDef") == "x:SyriaCivilDef is retired\n"
    assert listed(run)["x:SyriaCivilDef"]["state"] == "retired"
    with pytest.raises(UserError, match="there is no source"):
        said(run, "remove", "x:SyriaCivilDef")


def test_what_is_not_said_of_a_known_source_stays_as_it_was(run: CliRunner, tmp_path: Path) -> None:
    said(
        run, "add", "x:ward", "--owner", "Ward", "--rights", "reference", "--area", "Idlib", "--option", "via=activity"
    )
    assert said(run, "add", "x:ward", "--grade", "c") == "x:ward is changed\n"
    row = listed(run)["x:ward"]
    assert (row["owner"], row["grade"], row["area"], row["rights"]) == ("Ward", "C", "Idlib", "reference")
    table = tmp_path / "list.csv"
    table.write_text("id,grade,area\nx:ward,B,\n")
    assert said(run, "import", str(table)) == "x:ward is changed\n"
    assert said(run, "add", "x:ward", "--option", "via=activity") == "x:ward is unchanged\n"
    assert said(run, "add", "x:ward", "--area", "") == "x:ward is changed\n"
    said(run, "remove", "x:ward")
    said(run, "add", "x:ward")
    row = listed(run)["x:ward"]
    assert (row["owner"], row["grade"], row["area"], row["rights"]) == ("Ward", "B", None, "reference")


def test_a_source_that_must_be_gone_in_a_day_is_told_where_log_and_backups_stand_longer(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = said(run, "add", "x:ward", "--rights", "delete_24h")
    assert told.startswith("x:ward is added; x:ward must be gone 24 h after its deletion, but records stand for 168 h")
    monkeypatch.setenv("WATCHDESK_STREAM_RETENTION_DAYS", "1")
    monkeypatch.setenv("WATCHDESK_BACKUP_HOURS", "8")
    assert said(run, "add", "x:ward", "--grade", "B") == "x:ward is changed\n"


def test_a_source_that_nothing_reads_is_called_so_when_it_is_added(run: CliRunner) -> None:
    why = "it counts in replays and the inbox only\n"
    assert said(run, "add", "instagram:ward") == f"instagram:ward is added; nothing here reads instagram: {why}"
    assert said(run, "add", "rss:wire") == f"rss:wire is added; it has no url: {why}"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["add", "myspace:a"], "platform 'myspace'"),
        (["add", "x:two words"], "a handle on X has at most 20 letters"),
        (["add", "x:a", "--option", "via=both"], "via: 'both' is not one of rule, activity"),
        (["add", "x:"], "write platform:handle, such as"),
        (["add", "x:a", "--option", "hight=3"], "unknown key hight"),
        (["add", "rss:a", "--option", "every_s=soon", "--url", "https://a.example"], "every_s"),
        (["add", "nothing"], "the source"),
    ],
)
def test_what_cannot_be_a_source_is_refused_in_words(run: CliRunner, arguments: list[str], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        said(run, *arguments)
    assert run.invoke(group, ["add", "x:a", "--option", "nothing"]).exit_code == 2


def test_a_list_is_taken_over_whole_or_not_at_all(run: CliRunner, tmp_path: Path) -> None:
    good = tmp_path / "list.csv"
    good.write_text("id,owner,grade\nx:ridge,Ridge,B\nbluesky:valley,Valley,C\n")
    assert said(run, "import", str(good), "--dry-run") == "x:ridge: Ridge, grade B\nbluesky:valley: Valley, grade C\n"
    assert said(run, "import", str(good)) == "x:ridge is added\nbluesky:valley is added\n"
    bad = tmp_path / "bad.csv"
    bad.write_text("id,grade\nx:other,A\nx:wrong,Z\n")
    with pytest.raises(UserError, match=r"bad\.csv line 3"):
        said(run, "import", str(bad))
    assert set(listed(run)) == {"x:ridge", "bluesky:valley"}


def test_gaps_are_listed_with_why_and_whether_they_were_filled(run: CliRunner, tmp_path: Path) -> None:
    said(run, "add", "x:ward")
    assert said(run, "gaps") == "no gaps\n"
    start = datetime(2026, 3, 1, 6, tzinfo=UTC)
    row = GapRow(id="1", source="x:ward", scope="source", start=start, end=start, reason="cut", stored_at=start)

    async def leave() -> None:
        async with open_database(f"sqlite:///{tmp_path}/home/watchdesk.db", role="cli") as database:
            await store(database, row)

    asyncio.run(leave())
    assert said(run, "gaps", "x:ward").splitlines()[-1].split() == [
        *("x:ward", "2026-03-01", "06:00:00", "2026-03-01", "06:00:00", "no", "cut")
    ]
    (line,) = map(json.loads, said(run, "gaps", "--json").splitlines())
    assert (line["source"], line["reason"], line["filled"]) == ("x:ward", "cut", False)
    assert said(run, "gaps", "x:other") == "no gaps\n"


@pytest.fixture
def wire() -> Iterator[FakeFeed]:
    """A feed that is served from a thread of its own: the command runs a loop of its own."""
    server = FakeFeed(SystemClock())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_source_is_tried_without_storing_or_logging_anything(cli: Cli, wire: FakeFeed, tmp_path: Path) -> None:
    wire.publish("Blast in the port", "<b>Smoke</b>\x1b[2J")
    config = tmp_path / "watchdesk.toml"
    config.write_text('[outbound]\nallow_networks = ["127.0.0.0/8"]\n')
    arguments = ["test", "rss:wire", "--url", wire.url, "--option", "allow_internal=yes", "--seconds", "3"]
    done = cli("source", *arguments, WATCHDESK_CONFIG=str(config))
    lines = done.stdout.splitlines()
    assert {"rss:wire: connecting", "rss:wire: live"} < set(lines)
    assert any("wire: Blast in the port" in line for line in lines)
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "log.db").exists()


def test_a_source_that_refuses_us_is_said_at_once(cli: Cli) -> None:
    done = cli("source", "test", "rss:wire", "--url", "http://127.0.0.1/feed", "--seconds", "60")
    assert "refused: resolves to a private or reserved address" in done.stdout
    assert done.returncode == 1


def test_an_area_that_no_place_has_is_told_with_the_nearest(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index = tmp_path / "places.wdg"
    write_whole(index, build_index(place_rows(), {}))
    monkeypatch.setenv("WATCHDESK_GAZETTEER", str(index))
    assert said(run, "add", "x:ward", "--area", "Idlib") == "x:ward is added\n"
    assert said(run, "add", "x:ward", "--area", "Idlibb").startswith("x:ward is changed; no place is called Idlibb")


def test_what_the_file_owns_is_changed_in_the_file(run: CliRunner, tmp_path: Path) -> None:

    (tmp_path / "watchdesk.toml").write_text('[[source]]\nid = "x:ridge"\nowner = "Ridge"\n')
    run.invoke(migrate, [], catch_exceptions=False)
    for arguments in (["add", "x:ridge", "--grade", "A"], ["remove", "x:ridge"]):
        with pytest.raises(UserError, match=r"watchdesk\.toml, which owns it"):
            said(run, *arguments)
