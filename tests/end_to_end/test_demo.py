"""The demo as a person meets it: one alert with its steps, the same each time, in a home of its own."""

import json
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from docs.render import README, ROOT, readme
from tests.parts.desk_home import DeskHome
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer

RECORDING = ROOT / "app" / "cli" / "demo_data" / "idlib.jsonl"
# All others write about sport, films, labour, weather, markets and politics, warn, forecast or show old footage.
TELL_OF_EVENTS = {
    "aleppo_street", "damascus_diary", "donbas_log", "gaza_hourly", "ghab_monitor", "hama_field_desk", "idlib_rescue",
    "idlib_rescue_en", "levant_skywatch", "m_halabi_osint", "northsyria_live", "red_sea_watch", "tell_me_idlib",
}  # fmt: skip


def test_it_ends_in_one_alert_that_can_be_checked_and_shows_the_same_again(home: DeskHome) -> None:
    first = home.run("demo")
    second = home.run("demo")

    assert (first.returncode, first.stderr) == (0, b"")
    assert first.stdout == second.stdout
    shown = first.stdout.decode()
    for said in (
        "DEMO", "Jisr", "openstreetmap.org", "3 independent origins", "Levant Skywatch", "Maya Halabi", "Idlib Rescue Corps",
        "22 days, last on 13 August 2018, coverage 94%", "first, reported", "promoted, likely", "Denied by",
        "posted 06:58:40, seen 06:58:40",
    ):  # fmt: skip
        assert said in shown, said
    assert [path.name for path in home.home.iterdir()] == ["demo"]


def test_the_readme_shows_the_alert_as_it_looks(home: DeskHome) -> None:
    readme_now = README.read_text(encoding="utf-8")

    assert readme(readme_now, home.ok("demo")) == readme_now, "run `make docs`"


@pytest.mark.kafka
@pytest.mark.postgres
def test_on_kafka_and_postgres_it_shows_the_same(
    home: DeskHome, make_home: Callable[..., DeskHome], postgres_server: PostgresServer
) -> None:
    broker = KafkaBroker()
    try:
        broker.start()
        there = make_home(
            "there",
            WATCHDESK_STREAM_URL=f"kafka://{broker.bootstrap}",
            WATCHDESK_DATABASE_URL=postgres_server.create_database("demo"),
        )
        shown = home.ok("demo"), there.ok("demo")
        for one in (home, there):
            one.env["WATCHDESK_HOME"] = str(one.home / "demo")
        alerts = home.ok("alerts", "--json"), there.ok("alerts", "--json")
    finally:
        broker.close()
        postgres_server.drop_database("demo")

    assert shown[0] == shown[1]
    assert alerts[0] == alerts[1]


def test_its_home_holds_the_story(home: DeskHome) -> None:
    home.ok("demo")
    home.env["WATCHDESK_HOME"] = str(home.home / "demo")
    home.env["WATCHDESK_DATABASE_URL"] = f"sqlite:///{home.home / 'demo' / 'watchdesk.db'}"

    alerts, incidents = home.objects("alerts", "--json"), home.objects("incidents", "--json")

    assert [alert["step"] for alert in alerts] == ["first", "promoted", "updated", "updated", "updated"]
    assert [alert["level"] for alert in alerts] == ["reported", "likely", "likely", "likely", "likely"]
    (strike,) = [one for one in incidents if one["id"] == alerts[0]["incident"]]
    assert {alert["incident"] for alert in alerts} == {strike["id"]}
    assert strike["kind"] == "air_strike"
    assert strike["actors"] == ["RuAF"]
    assert strike["origins"] == ["Levant Skywatch", "Maya Halabi", "Idlib Rescue Corps"]
    assert strike["quiet_days"] == 22
    assert strike["killed"] == [4, 10]
    assert strike["related"]
    # The rumour of a second strike was deleted, and nothing that Russians did happened in Russia.
    assert {one["state"] for one in incidents if one["place"]["name"].startswith("Ar")} == {"withdrawn"}
    assert not [one for one in incidents if one["place"]["country"] == "RU"]
    assert home.law().in_flight == 0


def test_noise_threats_and_forecasts_open_no_incident(home: DeskHome) -> None:
    home.ok("demo")
    home.env["WATCHDESK_HOME"] = str(home.home / "demo")
    lines = [json.loads(line) for line in RECORDING.read_text(encoding="utf-8").splitlines()]
    authors = {line["id"]: line["author"] for line in lines if "id" in line}

    told = {authors[post] for incident in home.objects("incidents", "--json") for post in incident["posts"]}

    assert told <= TELL_OF_EVENTS, told - TELL_OF_EVENTS


def test_on_a_terminal_it_serves_the_page_until_ctrl_c(home: DeskHome, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            home.command("demo"), stdin=theirs, stdout=subprocess.PIPE, stderr=stderr, env=home.environment()
        )
    os.close(theirs)
    try:
        assert process.stdout is not None
        shown = b""
        while b"Ctrl-C ends the demo" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        found = re.search(rb"http://(127\.0\.0\.1:\d+)/", shown.rpartition(b"The desk's page")[2])
        assert found
        page = fetch(found[1].decode())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    assert process.returncode == 0
    assert "DEMO" in page


def fetch(address: str) -> str:
    """Return the page; the server may still be starting when its address is printed."""
    until = time.monotonic() + 20
    while True:
        connection = HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        except ConnectionRefusedError:
            assert time.monotonic() < until
            time.sleep(0.05)
        finally:
            connection.close()
