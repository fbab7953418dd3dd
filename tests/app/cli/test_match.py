"""`watchdesk match` as it is called."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.gazetteer_index import build_index
from tests.builders import place_rows

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
RULES = """
[[watch]]
name = "strikes near Idlib"
rule = 'near:"Jisr al-Shughour"~25km kind:air_strike -film'

[[watch]]
name = "words"
rule = 'strikes OR غارات'
destinations = ["not in this file"]
"""
POST = '{{"id":"{}","platform":"x","author":"obs","created_at":"2018-09-04T10:00:00Z","text":"{}"}}\n'
POSTS = (
    POST.format("x:1", "#RuAF strikes near Jisr al Shughour #Syria")
    + '{"id": broken\n\n'
    + '{"type":"gap","from":"2018-09-04T10:00:00Z","to":"2018-09-04T11:00:00Z","reason":"down"}\n'
    + POST.format("x:2", "a quiet day")
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """The paths of a rules file and of a small gazetteer."""
    rules, gazetteer = tmp_path / "rules.toml", tmp_path / "gazetteer.bin"
    rules.write_text(RULES, encoding="utf-8")
    gazetteer.write_bytes(build_index(place_rows()))
    return str(rules), str(gazetteer)


def test_each_post_comes_back_with_the_rules_that_hold_and_why(cli: Cli, files: tuple[str, str]) -> None:
    result = cli("match", "--rules", files[0], "--gazetteer", files[1], stdin=POSTS)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert [line.get("id", "error") for line in lines] == ["x:1", "error", "x:2"]
    first = {match["watch"]: match["reasons"] for match in lines[0]["matches"]}
    place, kind, without = first["strikes near Idlib"]
    assert (place["operator"], place["place_id"], place["spans"]) == ("near", "p:jisr", [[19, 35]])
    assert (kind["operator"], without["operator"]) == ("kind", "not")
    assert first["words"] == [{"operator": "word", "term": "strikes", "says": "it says “strikes”", "spans": [[6, 13]]}]
    assert lines[1]["line"] == 2
    assert lines[1]["error"].startswith("bad_json: ")
    assert lines[2]["matches"] == []


def test_explain_says_why_a_rule_does_not_hold(cli: Cli, files: tuple[str, str]) -> None:
    result = cli(
        "match", "--rules", files[0], "--gazetteer", files[1], "--explain", stdin=POST.format("x:2", "a quiet day")
    )
    (line,) = (json.loads(line) for line in result.stdout.splitlines())
    assert {missed["watch"]: missed["why"] for missed in line["missed"]}["words"] == [
        "none of these holds: strikes; غارات"
    ]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "[[watch]]\nname = 'w'\nrule = 'idlib ('\n",
            "rules.toml: watch 'w': this bracket is not closed\n  idlib (\n        ^",
        ),
        ("[[watch]]\nname = 'w'\nrule = 'near:Jisr'\n", "no place is called Jisr; did you mean Jisr ash-Shughur"),
        ("[[watch]]\nname = 'w'\nrul = 'a'\n", "rules.toml line 3: unknown key rul; did you mean rule?"),
        ("", "rules.toml has no [[watch]]"),
    ],
)
def test_a_rules_file_that_cannot_be_used_exits_2_and_says_why(
    cli: Cli, files: tuple[str, str], rules: str, said: str
) -> None:
    Path(files[0]).write_text(rules, encoding="utf-8")
    result = cli("match", "--rules", files[0], "--gazetteer", files[1], stdin=POSTS)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_a_name_that_means_several_places_is_told_beside_the_answers(cli: Cli, files: tuple[str, str]) -> None:
    Path(files[0]).write_text("[[watch]]\nname = 'w'\nrule = 'near:Idlib'\n", encoding="utf-8")
    result = cli("match", "--rules", files[0], "--gazetteer", files[1], stdin="")
    assert result.stderr.startswith("w: Idlib is read as Idlib, SY (city)")
