"""Any bytes in, one line of JSON out for every line that is not empty."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from app.cli.tag_lines import tag_stream
from app.clock import SystemClock
from app.domain.gazetteer_index import build_index
from app.domain.lexicon import load_lexicon
from app.domain.posts import MAX_LINE
from app.domain.tagging import Tagger
from tests.builders import place_rows, small_gazetteer

KEYS = {"id", "lang", "kind", "claim", "places", "actors", "killed", "wounded", "quiet_days", "terms"}
PLACE_KEYS = {"surface", "start", "end", "place_id", "name", "country", "lat", "lon", "radius_km", "confidence", "role", "relation", "alternatives"}  # fmt: skip


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger(small_gazetteer(), load_lexicon())


def tag(tagger: Tagger, raw: bytes) -> list[dict[str, Any]]:
    sink = io.BytesIO()
    tag_stream(io.BytesIO(raw), sink, tagger, SystemClock())
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def test_a_post_comes_back_with_every_key(tagger: Tagger) -> None:
    text = "Russian airstrike on Saraqib, 3 killed"
    (line,) = tag(tagger, json.dumps({"id": "9", "text": text}).encode())

    assert line.keys() >= KEYS
    assert line["id"] == "9"
    assert (line["kind"], line["claim"], line["actors"], line["killed"], line["wounded"]) == (
        "air_strike",
        "report",
        ["RuAF"],
        [3, 3],
        None,
    )
    assert line["places"][0].keys() == PLACE_KEYS
    assert text[line["places"][0]["start"] : line["places"][0]["end"]] == line["places"][0]["surface"] == "Saraqib"
    assert line["reasons"]


def test_no_line_stops_the_rest(tagger: Tagger) -> None:
    raw = b'\n{"id":"1","text":"a"}\nnot json\n\xff\xfe\n[1]\n{"id":"2"}\r\n   \n{"type":"gap","from":"2018-01-01T00:00:00Z","to":"2018-01-02T00:00:00Z"}\n{"id":"3","text":"b"}'
    lines = tag(tagger, raw)

    assert [line["id"] for line in lines] == ["1", None, None, None, "2", None, "3"]
    assert ["error" in line for line in lines] == [False, True, True, True, False, True, False]


def test_a_text_alone_is_enough_to_be_tagged(tagger: Tagger) -> None:
    (line,) = tag(tagger, b'{"text":"Airstrike on Saraqib"}')

    assert line["id"] is None
    assert line["error"].startswith("bad_id")
    assert (line["kind"], line["claim"]) == ("air_strike", "report")


def test_an_id_said_twice_is_refused_and_its_text_is_tagged(tagger: Tagger) -> None:
    (line,) = tag(tagger, b'{"id":"1","id":"2","text":"Airstrike on Saraqib"}')

    assert line["error"].startswith("ambiguous_id")
    assert line["claim"] == "report"


def test_what_is_broken_in_a_text_is_repaired(tagger: Tagger) -> None:
    (line,) = tag(tagger, b'{"id":"1","text":"Airstrike\\u0000 on \\ud800 Saraqib"}')

    assert line["claim"] == "report"


def test_a_line_too_long_to_be_read_is_told_and_the_next_is_read(tagger: Tagger) -> None:
    raw = b'{"id":"1","text":"' + b"x" * (MAX_LINE + 10) + b'"}\n{"id":"2","text":"a"}\n'
    lines = tag(tagger, raw)

    assert lines[0]["error"].startswith("too_large")
    assert lines[1]["id"] == "2"


def test_what_has_come_is_answered_before_more_is_waited_for(tagger: Tagger) -> None:
    source, feed = os.pipe()
    answers, sink = os.pipe()
    with (
        os.fdopen(source, "rb") as read,
        os.fdopen(sink, "wb") as write,
        os.fdopen(feed, "wb") as feeding,
        os.fdopen(answers, "rb") as answered,
    ):
        worker = threading.Thread(target=tag_stream, args=(read, write, tagger, SystemClock()))
        worker.start()
        feeding.write(b'{"id":"1","text":"a"}\n')
        feeding.flush()
        first = answered.readline()
        feeding.close()
        worker.join(10)

    assert json.loads(first)["id"] == "1"
    assert not worker.is_alive()


@pytest.fixture(scope="module")
def gazetteer_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gazetteer") / "small.bin"
    path.write_bytes(build_index(place_rows()))
    return path


def test_the_command_tags_stdin(gazetteer_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "tag", "--gazetteer", str(gazetteer_file)],
        input=b'{"id":"1","text":"Airstrike on Saraqib"}\n',
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["claim"] == "report"


def test_a_reader_who_has_seen_enough_ends_it_quietly(gazetteer_file: Path, tmp_path: Path) -> None:
    posts = tmp_path / "posts.jsonl"
    posts.write_bytes(b'{"id":"1","text":"Airstrike on Saraqib"}\n' * 5_000)
    reader, writer = os.pipe()
    os.close(reader)
    with posts.open("rb") as source, os.fdopen(writer, "wb") as sink:
        done = subprocess.run(
            [sys.executable, "-m", "app", "tag", "--gazetteer", str(gazetteer_file)],
            stdin=source,
            stdout=sink,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert done.returncode == 0
    assert done.stderr == b""


def test_a_gazetteer_that_is_not_there_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app", "tag", "--gazetteer", str(tmp_path / "none.bin")],
        input=b"",
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"none.bin" in done.stderr
    assert b"Traceback" not in done.stderr
