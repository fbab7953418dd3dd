"""An exercise through a running desk to a real receiver, and the sender killed at each of its boundaries."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from app.notify.secrets import new_secret
from tests.parts.desk_home import DeskHome
from tests.simulator.receiver import Receiver, receiving

SECRET = new_secret()
CONFIG = """
[outbound]
allow_networks = ["127.0.0.1/32"]

[[destination]]
name = "hook"
type = "webhook"
url = "{url}"
secret_env = "HOOK_SECRET"

[[watch]]
name = "Idlib strikes"
rule = 'kind:air_strike near:"Jisr al-Shughur"~25km'

[[watch]]
name = "Aleppo"
rule = 'near:"Aleppo"~25km'
"""


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@pytest.fixture
def drilled(home: DeskHome, receiver: Receiver) -> DeskHome:
    home.config.write_text(CONFIG.format(url=receiver.url), encoding="utf-8")
    home.env["HOOK_SECRET"] = SECRET
    home.ok("migrate")
    return home


@asynccontextmanager
async def running(home: DeskHome, **more: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    process = home.start("run", **more)
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.communicate)


async def drill(home: DeskHome, *arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(home.run, "drill", *arguments)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


async def ended(process: subprocess.Popen[bytes]) -> int:
    await asyncio.to_thread(process.communicate)
    return process.returncode


async def test_a_drill_reaches_every_destination_and_is_kept_out_of_everything_else(
    drilled: DeskHome, receiver: Receiver
) -> None:
    async with running(drilled):
        code, said = await drill(drilled, "Idlib strikes")
        assert code == 0, said
        assert "alert of watch 'Idlib strikes'" in said
        assert "hook: delivered" in said
        again, _ = await drill(drilled, "Idlib strikes")
        assert again == 0
    body = receiver.requests[0].json()
    assert receiver.requests[0].signed_by(SECRET)
    assert body["data"]["test"] is True
    assert body["data"]["alert"]["headline"].startswith("TEST ")
    assert body["data"]["post"]["text"].startswith("TEST ")
    assert len(receiver.requests) == 2
    for listing in ("incidents", "alerts"):
        assert drilled.objects(listing, "--json") == []


async def test_a_drill_of_a_watch_that_its_words_do_not_match_says_so(drilled: DeskHome) -> None:
    async with running(drilled):
        code, said = await drill(drilled, "Aleppo", "--text", "air strikes on Jisr al-Shughur", "--seconds", "20")
        assert code == 1
        assert "watch 'Aleppo' did not match" in said
    code, said = await drill(drilled, "Alepo")
    assert (code, "there is no watch 'Alepo'" in said) == (2, True)


async def test_a_drill_of_a_desk_that_does_not_run_says_so(drilled: DeskHome) -> None:
    code, said = await drill(drilled, "--seconds", "1")
    assert code == 1
    assert "is `watchdesk run` running" in said
    with closing(sqlite3.connect(drilled.home / "watchdesk.db")) as database:
        assert database.execute("SELECT count(*) FROM inbox").fetchone() == (0,)  # a later start sends no old exercise


async def test_the_destination_commands_show_and_repeat_what_went_out(drilled: DeskHome, receiver: Receiver) -> None:
    assert "hook: delivered" in await asyncio.to_thread(drilled.ok, "destination", "test", "hook")
    assert receiver.requests[0].json()["data"]["text"].startswith("TEST of destination 'hook'")
    async with running(drilled):
        code, said = await drill(drilled, "Idlib strikes")
        assert code == 0, said

        def objects(*arguments: str) -> list[dict[str, Any]]:
            return drilled.objects("destination", *arguments, "--json")

        (row,) = await asyncio.to_thread(objects, "deliveries", "hook")
        assert (row["state"], row["attempts"]) == ("delivered", 1)
        (attempt,) = await asyncio.to_thread(objects, "attempts", row["id"])
        assert attempt["outcome"] == "delivered"
        assert "1 delivery is due again" in await asyncio.to_thread(
            drilled.ok, "destination", "replay", "--id", row["id"]
        )
        await receiver.until(lambda: len(receiver.requests) == 3)
        assert receiver.requests[1].id == receiver.requests[2].id == row["id"]
        (listed,) = await asyncio.to_thread(objects, "list")
        assert (listed["name"], listed["state"]) == ("hook", "works")


@pytest.mark.parametrize(
    ("point", "copies"),
    [
        pytest.param("notify.after_mark", 1, marks=pytest.mark.soak),
        pytest.param("notify.after_claim", 1, marks=pytest.mark.soak),
        ("notify.after_send", 2),
    ],
)
async def test_a_sender_that_is_killed_loses_no_alert_and_repeats_only_what_it_had_not_written_down(
    make_home: Callable[..., DeskHome], receiver: Receiver, point: str, copies: int
) -> None:
    home = make_home()
    home.config.write_text(CONFIG.format(url=receiver.url), encoding="utf-8")
    home.env["HOOK_SECRET"] = SECRET
    await asyncio.to_thread(home.ok, "migrate")
    async with running(home, WATCHDESK_CRASH_AT=f"{point}:1") as process:
        drilling = asyncio.ensure_future(drill(home, "Idlib strikes", "--seconds", "60"))
        assert await ended(process) == -signal.SIGKILL
    async with running(home):
        code, said = await drilling
        assert code == 0, said
    assert len(receiver.requests) == copies
    assert len({request.id for request in receiver.requests}) == 1
