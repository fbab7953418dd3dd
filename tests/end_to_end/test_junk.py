"""Junk in the middle of a file: each thing comes to its own end, every good post around it is processed, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.lines import line
from tests.parts.desk_home import DeskHome, write_lines

STRIKE = "#RuAF air strike on Jisr al-Shughur, Idlib"
MARKS = "e" + "\u0301" * 100_000
LONE_SURROGATE = json.dumps(line("surrogate", f"{STRIKE}: the \ud800 bridge is hit", 4, "lone")).encode()
REPAIRED = {
    "nul": "nul",
    "surrogate": "surrogates",
    "long": "truncated",
    "marks": "truncated",
    "old": "clock_suspect",
    "far": "clock_suspect",
}
LINES: list[dict[str, Any] | bytes] = [
    line("good1", f"{STRIKE}, smoke over the silos", 0, "ward"),
    b"{not json",
    b'{"id": "latin", "platform": "x", "author": "a", "text": "caf\xe9"}',
    b"",
    b"   ",
    {"platform": "x", "author": "a", "created_at": "2018-09-04T06:01:00Z", "text": STRIKE},
    line("i" * 5_000, STRIKE, 2, "a"),
    b"[1, 2, 3]",
    b"null",
    line("nul", f"{STRIKE}: wit\x00nesses count two jets", 3, "nil"),
    LONE_SURROGATE,
    line("long", f"{STRIKE}. " + "The full account follows here. " * 33_000, 5, "verbose"),
    line("marks", f"{STRIKE}, by way of {MARKS}", 6, "zalgo"),
    line("old", f"{STRIKE}; a camera without a clock saw it", 7, "clockless") | {"created_at": "1970-01-01T00:00:00Z"},
    line("far", f"{STRIKE}; said by a phone of the far future", 8, "future") | {"created_at": "9999-12-31T23:59:59Z"},
    line("good1", f"{STRIKE}, smoke over the mill", 9, "ward", type="edit"),
    line("neverseen", "", 10, "ghost", type="delete"),
    line("good2", "Regime artillery shelling Saraqib, two killed", 11, "hill"),
    line("good2", "Regime artillery shelling Saraqib, two killed", 11, "hill"),
    line("good3", f"{STRIKE}, the ambulance crews are on their way", 12, "vale"),
]


@pytest.fixture(scope="module")
def junk(tmp_path_factory: pytest.TempPathFactory, gazetteer_file: Path) -> DeskHome:
    home = DeskHome(tmp_path_factory.mktemp("junk"), gazetteer_file)
    home.ok("replay", write_lines(home.path / "junk.jsonl", LINES))
    return home


@pytest.fixture
def rows(junk: DeskHome) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(junk.home / "watchdesk.db")
    yield connection
    connection.close()


def post(rows: sqlite3.Connection, given_id: str) -> dict[str, Any]:
    rows.row_factory = sqlite3.Row
    (found,) = rows.execute("select * from posts where given_id = ?", (given_id,)).fetchall()
    return dict(found)


def test_law_accounts_for_every_line(junk: DeskHome) -> None:
    law = junk.law()
    assert (law.received, law.stored, law.duplicate, law.quarantined, law.dropped) == (18, 11, 1, 6, 0)
    assert law.in_flight == 0


def test_empty_lines_are_counted_apart(rows: sqlite3.Connection) -> None:
    assert rows.execute("select sum(empty_lines) from spools").fetchone() == (2,)


def test_what_cannot_be_a_post_is_quarantined_with_its_reason(rows: sqlite3.Connection) -> None:
    reasons = sorted(reason for (reason,) in rows.execute("select reason from quarantine"))
    assert reasons == ["bad_encoding", "bad_id", "bad_id", "bad_json", "bad_type", "bad_type"]


@pytest.mark.parametrize(("given_id", "flag"), REPAIRED.items())
def test_what_can_be_repaired_is_flagged_stored_and_matched(
    junk: DeskHome, rows: sqlite3.Connection, given_id: str, flag: str
) -> None:
    stored = post(rows, given_id)
    assert flag in stored["flags"]
    strike = next(one for one in junk.objects("incidents", "--json") if one["kind"] == "air_strike")
    assert given_id in strike["posts"]
    assert stored["tags"] is not None
    assert len(stored["text"]) <= 256 * 1024


def test_implausible_dates_never_move_the_clock(rows: sqlite3.Connection) -> None:
    seen = [at for (at,) in rows.execute("select seen_at from posts order by seen_at")]
    assert seen[0].startswith("2018-09-04")
    assert seen[-1].startswith("2018-09-04")


def test_edit_is_a_revision_and_deletion_of_the_unknown_a_tombstone(rows: sqlite3.Connection) -> None:
    assert rows.execute("select count(*) from revisions where post_id = 'x:good1'").fetchone() == (2,)
    assert post(rows, "good1")["text"].endswith("the mill")
    assert post(rows, "neverseen")["deleted_at"] is not None


def test_every_good_post_around_them_is_processed(junk: DeskHome) -> None:
    incidents = junk.objects("incidents", "--json")
    assert {one["kind"]: set(one["posts"]) for one in incidents} == {
        "air_strike": {"good1", *REPAIRED, "good3"},
        "shelling": {"good2"},
    }
    assert [one["step"] for one in junk.objects("alerts", "--json")].count("first") == 2


def test_second_replay_adds_nothing(junk: DeskHome) -> None:
    before = junk.result()
    assert junk.ok("replay", junk.path / "junk.jsonl").startswith("0 posts, 0 quarantined")
    assert junk.result() == before


def test_tag_answers_every_line_and_never_stops(junk: DeskHome) -> None:
    given = (junk.path / "junk.jsonl").read_bytes()
    told = [json.loads(said) for said in junk.ok("tag", given=given).splitlines()]
    errors = [one for one in told if "error" in one]
    assert len(errors) == 6
    assert {one["id"] for one in told if one.get("kind") == "air_strike"} >= {"good1", *REPAIRED, "good3"}
