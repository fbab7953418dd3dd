from __future__ import annotations

from typing import Any

import pytest

from app.db import meta
from app.db.config import put_watch
from app.db.models import Source
from app.domain.watches import Watch
from tests.app.api.desk import Desk
from tests.rows import post_row, store

RULE = 'near:"Jisr al-Shughur"~25km strike'
NEW: dict[str, Any] = {"name": "Idlib strikes", "rule": RULE, "triggers": {"lull_days": 14}}


async def make(desk: Desk, **change: Any) -> Any:
    return await desk.ask("POST", "/v1/watches", json=NEW | change)


async def test_a_watch_is_made_changed_and_retired(desk: Desk) -> None:
    made = await make(desk)
    assert (made.status, made.body["version"], made.body["triggers"]["lull_days"], made.headers["etag"]) == (
        201,
        1,
        14,
        '"1"',
    )
    async with desk.given.database.read() as session:
        before = await meta.value(session, "watches_version")
    change = {"rule": "strike OR shelling", "cooldown_s": 60}
    path = "/v1/watches/Idlib%20strikes"
    changed = await desk.ask("PUT", path, json=change, headers={"If-Match": made.headers["etag"]})
    assert (changed.status, changed.body["rule"], changed.body["version"]) == (200, "strike OR shelling", 2)
    async with desk.given.database.read() as session:
        assert await meta.value(session, "watches_version") != before
    assert (await desk.get(path)).body == changed.body
    assert [one["name"] for one in (await desk.get("/v1/watches")).body["items"]] == ["Idlib strikes"]
    gone = await desk.ask("DELETE", path, headers={"If-Match": changed.headers["etag"]})
    assert (gone.status, gone.body) == (204, b"")
    assert (await desk.get(path)).status == 404
    assert (await make(desk)).body["version"] == 4


async def test_a_change_on_an_old_version_is_412_and_without_one_428(sqlite_desk: Desk) -> None:
    await make(sqlite_desk)
    path = "/v1/watches/Idlib%20strikes"
    stale = await sqlite_desk.ask("PUT", path, json={"rule": "shelling"}, headers={"If-Match": '"7"'})
    assert (stale.status, stale.body["version"]) == (412, 1)
    assert (await sqlite_desk.ask("PUT", path, json={"rule": "shelling"})).status == 428
    assert (await sqlite_desk.ask("DELETE", path)).status == 428
    assert (await sqlite_desk.ask("PUT", "/v1/watches/none", json={"rule": "shelling"})).status == 404


async def test_what_the_file_owns_is_changed_in_the_file(sqlite_desk: Desk) -> None:
    async with sqlite_desk.given.database.write() as writing:
        await put_watch(writing, Watch("of the file", "strike"), by_file=True)
    headers = {"If-Match": '"1"'}
    for method, how in (("PUT", {"json": {"rule": "shelling"}}), ("DELETE", {})):
        reply = await sqlite_desk.ask(method, "/v1/watches/of%20the%20file", headers=headers, **how)
        assert (reply.status, reply.body["code"]) == (409, "owned_by_file")
        assert "watchdesk.toml" in reply.body["detail"]


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"rule": ""}, 422, "rule"),
        ({"rule": "-weather"}, 422, "rule"),
        ({"rule": "(strike"}, 422, "rule"),
        ({"rule": "the"}, 422, "rule"),
        ({"rule": 'near:"Atlantis"~5km'}, 422, "rule"),
        ({"rule": "strike -strike"}, 422, "rule"),
        ({"rule": "x" * 9000}, 422, "rule"),
        ({"name": ""}, 422, "name"),
        ({"name": "a\nb"}, 422, "name"),
        ({"name": "(watchdog)"}, 422, "name"),
        ({"destinations": ["nowhere"]}, 422, "destinations"),
        ({"triggers": {"lull_days": 0}}, 422, "lull_days"),
        ({"triggers": {"moon": 1}}, 422, "moon"),
        ({"role": "admin"}, 422, "role"),
        ({"version": 9}, 422, "version"),
        ({"cooldown_s": -1}, 422, "cooldown_s"),
    ],
)
async def test_what_cannot_be_a_watch_is_refused_and_the_field_named(
    sqlite_desk: Desk, change: dict[str, Any], status: int, field: str
) -> None:
    reply = await make(sqlite_desk, **change)
    assert (reply.status, reply.body["field"]) == (status, field)


async def test_a_bad_rule_is_told_with_its_position(sqlite_desk: Desk) -> None:
    reply = await make(sqlite_desk, rule="strike (shelling")
    assert (reply.status, reply.body["code"], reply.body["position"]) == (422, "bad_rule", 7)
    assert (await make(sqlite_desk, rule="the", force=True)).status == 201


async def test_the_same_rule_twice_is_409_with_the_first(sqlite_desk: Desk) -> None:
    await make(sqlite_desk)
    assert (await make(sqlite_desk)).body["code"] == "exists"
    twice = await make(sqlite_desk, name="another", rule=f"  {RULE} ")
    assert (twice.status, twice.body["code"], twice.body["watch"]) == (409, "same_rule", "Idlib strikes")
    assert (await make(sqlite_desk, name="another", triggers={"killed": 5})).status == 201


async def test_a_rule_is_explained_against_a_text_or_a_stored_post(sqlite_desk: Desk) -> None:
    await store(sqlite_desk.given.database, post_row("1", text="Two strikes on the western edge of Jisr al-Shughur"))
    ask = {"rule": "strikes lang:en", "text": "Two strikes on the western edge of Jisr al-Shughur"}
    by_text = await sqlite_desk.ask("POST", "/v1/watches/explain", json=ask)
    assert (by_text.status, by_text.body["matched"]) == (200, True)
    assert by_text.body["sentences"]
    assert by_text.body["tags"]["places"][0]["name"].startswith("Jisr")
    by_id = await sqlite_desk.ask("POST", "/v1/watches/explain", json={"rule": "weather", "post": "x:1"})
    assert by_id.body["matched"] is False
    assert by_id.body["tree"]["says"] == "it does not say “weather”"
    assert (await sqlite_desk.ask("POST", "/v1/watches/explain", json={"rule": "strike", "post": "none"})).status == 404
    assert (await sqlite_desk.ask("POST", "/v1/watches/explain", json={"rule": "strike"})).status == 422


async def test_a_post_whose_text_may_not_leave_is_explained_without_its_words(sqlite_desk: Desk) -> None:
    text = "Two strikes on the western edge of Jisr al-Shughur"
    quiet = Source(id="x:Ward", owner="Ward", grade="B", area=None, rights="reference", retired_at=None)
    await store(sqlite_desk.given.database, quiet, post_row("1", source="x:ward", text=text))
    reply = await sqlite_desk.ask("POST", "/v1/watches/explain", json={"rule": "strikes", "post": "x:1"})
    tags = reply.body["tags"]
    assert (reply.body["matched"], tags["kind"]) == (True, "air_strike")
    assert not tags.get("terms")
    assert not tags.get("reasons")
    assert "western edge" not in str(reply.body)


async def test_a_rule_is_run_over_what_we_hold(desk: Desk) -> None:
    rows = [post_row(str(number), text="jets and strikes" if number % 3 else "weather") for number in range(9)]
    await store(desk.given.database, *rows, post_row("x", text="strikes", marks=["exercise"]))
    reply = await desk.ask("POST", "/v1/watches/backtest", json={"rule": "strikes"})
    assert (reply.status, reply.body["posts"], reply.body["matched"], reply.body["reports"]) == (200, 9, 6, 6)
    assert reply.body["by_day"] == {"2018-09-04": 6}
    assert reply.body["hits"][0]["sentences"]
    none = await desk.ask("POST", "/v1/watches/backtest", json={"rule": "strikes", "since": "2019-01-01T00:00:00Z"})
    assert none.body["posts"] == 0


async def test_a_retried_write_happens_once(desk: Desk) -> None:
    headers = {"Idempotency-Key": "retry-1"}
    first = await desk.ask("POST", "/v1/watches", json=NEW, headers=headers)
    again = await desk.ask("POST", "/v1/watches", json=NEW, headers=headers)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    other = await desk.ask("POST", "/v1/watches", json=NEW | {"name": "b"}, headers=headers)
    assert (other.status, other.body["code"]) == (409, "idempotency_mismatch")
    assert (await desk.ask("POST", "/v1/watches", json=NEW, headers={"Idempotency-Key": "k" * 201})).status == 400
