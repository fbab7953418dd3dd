"""The commands of `watchdesk gazetteer` on an index of their own."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.gazetteer import group
from app.domain.gazetteer_index import build_index
from app.gazetteer_file import write_whole
from tests.builders import place_rows


@pytest.fixture
def index(tmp_path: Path) -> str:
    path = tmp_path / "places.bin"
    write_whole(path, build_index(place_rows(), {"sources": ["a test"]}))
    return str(path)


def test_look_up_lists_the_best_first_with_its_area_and_parents(index: str) -> None:
    result = CliRunner().invoke(group, ["lookup", "Ariha", "--gazetteer", index])
    first, second = result.output.splitlines()
    assert first.startswith("p:ariha")
    assert "Idlib Governorate, Syria" in first
    assert "35.8137,36.6096 ±2 km" in first
    assert second.startswith("p:jericho")


def test_a_name_that_is_not_known_exits_1_and_says_what_is_near(index: str) -> None:
    result = CliRunner().invoke(group, ["lookup", "Sarmeen Town", "--gazetteer", index])
    assert result.exit_code == 1
    assert "no place is called" in result.output


def test_info_tells_the_size_and_the_sources(index: str) -> None:
    result = CliRunner().invoke(group, ["info", "--gazetteer", index])
    assert "places   56" in result.output
    assert "source   a test" in result.output
