"""What is stored comes out line by line, exactly in the shape that others were promised."""

import json
import subprocess
from collections.abc import Callable

import pytest

from app.db.session import open_database
from tests.rows import alert_row, incident_row, message, view

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

ALERT_KEYS = [
    "id", "incident", "watch", "step", "level", "headline", "created_at", "post", "posts", "origins", "quiet_days",
    "reasons",
]  # fmt: skip
INCIDENT_KEYS = [
    "id", "kind", "place", "actors", "first_at", "last_at", "level", "state", "posts", "origins", "killed", "wounded",
    "quiet_days", "related", "reasons",
]  # fmt: skip
PLACE_KEYS = ["place_id", "name", "country", "lat", "lon", "radius_km", "confidence"]


@pytest.fixture
async def stored(sqlite_url: str) -> None:
    """Three alerts and three incidents, one of each an exercise."""
    async with open_database(sqlite_url, role="cli") as database, database.write() as writing:
        writing.session.add_all(
            [
                alert_row(1, message(1, level="reported")),
                alert_row(2, message(2, level="likely", step="promoted", headline="Strike \x1b[2J near نقطة")),
                alert_row(3, exercise=True),
                incident_row(11, view(1)),
                incident_row(12, view(2, state="withdrawn", quiet_days=None)),
                incident_row(13, view(3), exercise=True),
            ]
        )


@pytest.mark.usefixtures("stored")
def test_alerts_are_one_object_a_line_oldest_first(cli: Cli) -> None:
    lines = [json.loads(line) for line in cli("alerts", "--json").stdout.splitlines()]

    assert [line["id"] for line in lines] == ["a1", "a2"]
    assert list(lines[0]) == ALERT_KEYS
    assert lines[0]["created_at"] == "2018-09-04T12:01:00Z"


@pytest.mark.usefixtures("stored")
def test_incidents_are_one_object_a_line_in_the_order_of_their_last_change(cli: Cli) -> None:
    lines = [json.loads(line) for line in cli("incidents", "--json").stdout.splitlines()]

    assert [line["id"] for line in lines] == ["i1", "i2"]
    assert list(lines[0]) == INCIDENT_KEYS
    assert list(lines[0]["place"]) == PLACE_KEYS


@pytest.mark.usefixtures("stored")
def test_filters_and_a_limit_narrow_the_list(cli: Cli) -> None:
    assert '"a2"' in cli("alerts", "--json", "--level", "likely").stdout
    assert '"a1"' not in cli("alerts", "--json", "--limit", "1").stdout
    assert '"i1"' not in cli("incidents", "--json", "--state", "withdrawn").stdout


@pytest.mark.usefixtures("stored")
def test_the_table_shows_the_texts_of_others_without_control_characters(cli: Cli) -> None:
    shown = cli("alerts").stdout

    assert "\x1b" not in shown
    assert "Strike \N{REPLACEMENT CHARACTER}[2J near نقطة" in shown
    assert "22 d" in cli("incidents").stdout


def test_an_empty_home_says_how_to_fill_it(cli: Cli) -> None:
    result = cli("alerts", "--json")

    assert result.returncode == 2
    assert result.stderr.startswith("watchdesk: nothing is stored in ")
    assert result.stderr.count("\n") == 1
