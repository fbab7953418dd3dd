"""A first start, in a home without a place index: the half minute that building it takes holds up neither questions nor a stop."""

from __future__ import annotations

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.parts.cluster import Role, wait_for
from tests.parts.desk_home import DeskHome

TEN_S = 10.0
RULE = json.dumps({"rule": 'near:"Idlib"', "text": "A strike on Idlib"}).encode()


@pytest.fixture
def bare_home(tmp_path: Path) -> DeskHome:
    home = DeskHome(tmp_path / "desk", tmp_path / "unused")
    del home.env["WATCHDESK_GAZETTEER"]
    home.ok("migrate")
    return home


def ops(role: Role, path: str) -> tuple[int, dict[str, Any]]:
    """Ask the ops port; status 0 while there is none."""
    url = role.addresses(f"ops of {role.name} at")
    if url is None:
        return 0, {}
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=10) as reply:  # noqa: S310 - ours, on loopback
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def builds(role: Role) -> bool:
    status, said = ops(role, "/readyz")
    return status == 503 and said["parts"].get("places", {}).get("detail") == "building the place index"


def sound(role: Role) -> set[str]:
    """Return the parts of the process that work."""
    return {name for name, part in ops(role, "/readyz")[1]["parts"].items() if part["ok"]}


def children(pid: int) -> set[int]:
    """Return all that descends from a process."""
    found: set[int] = set()
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listed.read_text().split()):
            found |= {child} | children(child)
    return found


def works(pid: int) -> bool:
    """Whether the process is there and no zombie that its new parent has yet to bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def ask(api: str) -> None:
    """Ask for what needs the places; the answer may be cut off by the stop."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{api}/v1/watches/explain", data=RULE, headers=headers)  # noqa: S310 - ours, on loopback
    with suppress(OSError, http.client.HTTPException):
        urllib.request.urlopen(request, timeout=60).close()  # noqa: S310


def stops_amid_the_build(home: DeskHome, role: Role) -> None:
    wait_for(lambda: bool(children(role.running.pid)), 30, "the process that builds")
    below = children(role.running.pid)
    assert ops(role, "/healthz")[0] == 200

    assert role.stop(TEN_S) == 0, role.tail()

    wait_for(lambda: not any(map(works, below)), 10, "the processes below it to end")
    cache = home.home / "cache"
    assert not cache.exists() or not list(cache.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("run",), id="run"),
        pytest.param(("consume", "tag"), marks=pytest.mark.soak, id="tag"),
        pytest.param(("consume", "desk"), marks=pytest.mark.soak, id="desk"),
    ],
)
def test_a_stop_while_the_index_is_built_is_clean_and_leaves_nothing_half_built(
    bare_home: DeskHome, arguments: tuple[str, ...]
) -> None:
    role = Role(bare_home, arguments[0], arguments)
    role.start()
    try:
        wait_for(lambda: builds(role), 60, "readyz to say what it waits for")
        stops_amid_the_build(bare_home, role)
    finally:
        role.kill()


@pytest.mark.soak
def test_a_stop_while_a_question_to_the_api_waits_for_the_index_is_clean(bare_home: DeskHome) -> None:
    role = Role(bare_home, "api", ("api",))
    role.start()
    try:
        wait_for(lambda: role.addresses("API at") is not None, 60, "the API")
        asked = in_background(lambda: ask(str(role.addresses("API at"))))
        wait_for(lambda: builds(role), 60, "readyz to say what it waits for")
        stops_amid_the_build(bare_home, role)
        asked.join(10)
        assert not asked.is_alive()
    finally:
        role.kill()


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_a_first_start_becomes_ready_once_the_index_is_built(bare_home: DeskHome) -> None:
    role = Role(bare_home, "run", ("run",))
    role.start()
    try:
        wait_for(lambda: builds(role), 60, "readyz to say what it waits for")
        wait_for(lambda: {"places", "stage tag", "stage desk"} <= sound(role), 300, "the stages to work")
        assert ops(role, "/readyz")[0] == 200
        (index,) = (bare_home.home / "cache").iterdir()
        assert index.name.startswith("gazetteer-v")
        assert role.stop(TEN_S) == 0, role.tail()
    finally:
        role.kill()
