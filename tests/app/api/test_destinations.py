from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.db.models import Delivery, Destination, DestinationState
from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on
from tests.rows import NOON, store

NEW: dict[str, Any] = {"name": "wall", "type": "webhook", "options": {"url": "https://wall.example.org/hook"}}


async def make(desk: Desk, **change: Any) -> Any:
    return await desk.ask("POST", "/v1/destinations", json=NEW | change)


async def test_a_destination_is_made_changed_tried_and_retired(desk: Desk) -> None:
    made = await make(desk)
    assert (made.status, made.body["state"], made.headers["etag"]) == (201, "good", '"1"')
    change = {"type": "slack", "url_env": "SLACK_URL"}
    changed = await desk.ask("PUT", "/v1/destinations/wall", json=change, headers={"If-Match": '"1"'})
    assert (changed.status, changed.body["type"], changed.body["url_env"]) == (200, "slack", "SLACK_URL")
    tried = await desk.ask("POST", "/v1/destinations/wall/test")
    assert (tried.status, tried.body["queued"]) == (202, 1)
    (row,) = (await desk.get("/v1/destinations/wall/deliveries")).body["items"]
    assert (row["id"], row["state"], row["attempts"]) == (tried.body["deliveries"][0], "pending", [])
    assert (await desk.ask("DELETE", "/v1/destinations/wall", headers={"If-Match": '"2"'})).status == 204
    assert (await desk.get("/v1/destinations")).body["items"] == []
    async with desk.given.database.read() as session:
        assert (await session.execute(select(Delivery.state))).scalar_one() == "cancelled"


@pytest.mark.parametrize(
    "change",
    [
        {"options": {"url": "http://wall.example.org/hook"}},
        {"options": {"url": "https://127.0.0.1/hook"}},
        {"options": {"url": "https://user:pw@wall.example.org/"}},
        {"options": {"url": "file:///etc/passwd"}},
        {"options": {"url": "https://wall.example.org:25/"}},
        {"options": {"ulr": "https://wall.example.org/"}},
        {"options": {"url": 7}},
        {"options": {"url": "https://wall.example.org/", "mode": "refrence"}},
        {"options": {}},
        {"type": "pigeon"},
        {"name": "topic:alerts"},
        {"name": ""},
        {"secret": "whsec_x"},
    ],
)
async def test_what_cannot_be_a_destination_is_422(sqlite_desk: Desk, change: dict[str, Any]) -> None:
    assert (await make(sqlite_desk, **change)).status == 422


async def test_a_secret_is_shown_once_and_kept_sealed(sqlite_url: str) -> None:
    key = "a-secret-key-of-thirty-two-characters"
    async with (
        open_database(sqlite_url, role="run") as database,
        desk_on(database, None, WATCHDESK_SECRET_KEY=key) as desk,
    ):
        await make(desk)
        secret = (await desk.ask("POST", "/v1/destinations/wall/secret")).body["secret"]
        assert secret.startswith("whsec_")
        shown = (await desk.get("/v1/destinations")).body, (await desk.get("/v1/destinations/wall")).body
        assert secret not in str(shown)
        async with database.read() as session:
            row = (await session.execute(select(Destination))).scalar_one()
        assert row.secret is not None
        assert secret not in row.secret
        await make(desk, name="chat", type="slack", url_env="SLACK_URL", options={})
        assert (await desk.ask("POST", "/v1/destinations/chat/secret")).status == 409


async def test_one_that_was_switched_off_is_switched_on(desk: Desk) -> None:
    await make(desk)
    state = DestinationState(destination="wall", failures=9, disabled_at=NOON, failing_since=NOON, detail="410 Gone")
    await store(desk.given.database, state)
    shown = (await desk.get("/v1/destinations/wall")).body
    assert (shown["state"], shown["detail"]) == ("disabled", "410 Gone")
    assert (await desk.ask("POST", "/v1/destinations/wall/enable")).status == 204
    assert (await desk.get("/v1/destinations/wall")).body["state"] == "good"


async def test_ended_deliveries_are_sent_again(sqlite_desk: Desk) -> None:
    await make(sqlite_desk)
    await sqlite_desk.ask("POST", "/v1/destinations/wall/test")
    async with sqlite_desk.given.database.write() as writing:
        row = (await writing.session.execute(select(Delivery))).scalar_one()
        row.state = "expired"
    reply = await sqlite_desk.ask("POST", "/v1/destinations/wall/replay", json={})
    assert (reply.status, reply.body["queued"]) == (202, 1)
    pending = await sqlite_desk.get("/v1/destinations/wall/deliveries?state=pending")
    assert len(pending.body["items"]) == 1


async def test_what_is_not_there_is_404(sqlite_desk: Desk) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/deliveries"),
        ("POST", "/test"),
        ("POST", "/enable"),
        ("POST", "/secret"),
    ):
        assert (await sqlite_desk.ask(method, f"/v1/destinations/none{path}")).status == 404
