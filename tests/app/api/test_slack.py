from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from sqlalchemy import select

from app.db.config import put_destination
from app.db.incidents import actions_on, by_id
from app.db.models import Incident
from app.db.session import open_database
from app.domain.config import DestinationConfig
from app.notify.slack_blocks import Look, alert_blocks
from tests.app.api.desk import Desk, Reply, desk_on
from tests.outgoing import outgoing
from tests.simulator.receiver import Receiver, receiving
from tests.stored_desk import StoredDesk
from tests.wire import Wire

SECRET = "canary-signing-secret"


@dataclass
class Pressing:
    """A desk with an incident, whose Slack app is ours, and the place where Slack takes answers."""

    desk: Desk
    incident: str
    slack: Receiver

    async def press(self, action: str, *, secret: str = SECRET, age: int = 0, **change: Any) -> Reply:
        payload = {
            "type": "block_actions",
            "user": {"id": "U1", "username": "ada"},
            "actions": [{"action_id": action, "value": self.incident}],
            "message": {"text": "LIKELY: strike", "blocks": alert_blocks(outgoing(), Look(buttons=True))},
            "response_url": self.slack.url,
            **change,
        }
        return await self.send(urlencode({"payload": msgspec.json.encode(payload).decode()}).encode(), secret, age)

    async def send(
        self, body: bytes, secret: str = SECRET, age: int = 0, headers: dict[str, str] | None = None
    ) -> Reply:
        at = str(int((self.desk.given.clock.now() - timedelta(seconds=age)).timestamp()))
        signature = "v0=" + hmac.new(secret.encode(), b"v0:%s:%s" % (at.encode(), body), hashlib.sha256).hexdigest()
        given = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature}
        given["Content-Type"] = "application/x-www-form-urlencoded"
        return await self.desk.ask("POST", "/v1/slack/actions", data=body, headers=given | (headers or {}))

    async def actions(self) -> list[tuple[str, str]]:
        async with self.desk.given.database.read() as session:
            return [(one.who, one.action) for one in await actions_on(session, self.incident)]


@pytest.fixture
async def pressing(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Pressing]:
    config = tmp_path / "watchdesk.toml"
    config.write_text(
        '[outbound]\nallow_networks = ["127.0.0.1/32"]\n'
        '[[destination]]\nname = "slack"\ntype = "slack"\nurl_env = "SLACK_URL"\nsigning_secret_env = "SLACK_SIGNING"\n'
    )
    async with open_database(sqlite_url, role="run") as database, receiving() as slack:
        async with database.write() as writing:
            options = {"signing_secret_env": "SLACK_SIGNING"}
            await put_destination(writing, DestinationConfig("slack", "slack", url_env="SLACK_URL", options=options))
        await StoredDesk(database).feed([Wire().item("1", 0)])
        async with database.read() as session:
            incident = (await session.execute(select(Incident.id))).scalar_one()
        async with desk_on(database, WATCHDESK_CONFIG=str(config), SLACK_SIGNING=SECRET, SLACK_URL="x") as desk:
            yield Pressing(desk, incident, slack)


async def test_a_button_acts_and_the_message_says_who_pressed_it(pressing: Pressing) -> None:
    assert (await pressing.press("confirm")).status == 200
    assert await pressing.actions() == [("ada (Slack U1)", "confirm")]
    await pressing.slack.until(lambda: len(pressing.slack.requests) == 1)
    said = pressing.slack.requests[0].json()
    assert said["replace_original"] is True
    line = next(block for block in said["blocks"] if block.get("block_id") == "pressed")
    assert line["elements"][0]["text"].startswith("confirmed by ada (Slack U1), ")
    assert said["blocks"][-1]["type"] == "actions"
    async with pressing.desk.given.database.read() as session:
        found = await by_id(session, pressing.incident)
    assert found is not None
    assert found.view.level == "confirmed"


async def test_who_comes_second_is_told_so_alone(pressing: Pressing) -> None:
    await pressing.press("acknowledge")
    assert (await pressing.press("acknowledge", user={"id": "U2", "name": "bob"})).status == 200
    await pressing.slack.until(lambda: len(pressing.slack.requests) == 2)
    said = pressing.slack.requests[1].json()
    assert said["response_type"] == "ephemeral"
    assert "already, by ada" in said["text"]
    assert len(await pressing.actions()) == 1


@pytest.mark.parametrize("age", [301, -360, 10_000])
async def test_a_call_that_is_too_old_or_too_new_is_refused(pressing: Pressing, age: int) -> None:
    reply = await pressing.press("dismiss", age=age)
    assert (reply.status, reply.body["code"]) == (401, "bad_signature")
    assert await pressing.actions() == []


async def test_a_signature_of_somebody_else_is_refused(pressing: Pressing) -> None:
    assert (await pressing.press("dismiss", secret="another")).status == 401
    for headers in (
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v1=x"},
        {"X-Slack-Signature": "v0=" + "é" * 5},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "NaN"},
        {"X-Slack-Request-Timestamp": "9" * 100},
    ):
        assert (await pressing.send(b"payload=%7B%7D", headers=headers)).status == 401
    assert await pressing.actions() == []


async def test_a_body_that_was_changed_after_signing_is_refused(pressing: Pressing) -> None:
    at = str(int(pressing.desk.given.clock.now().timestamp()))
    signature = "v0=" + hmac.new(SECRET.encode(), f"v0:{at}:payload=a".encode(), hashlib.sha256).hexdigest()
    reply = await pressing.send(b"payload=b", headers={"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature})
    assert reply.status == 401


@pytest.mark.parametrize("body", [b"", b"payload", b"payload=", b"payload=%7B", b"payload=[]", b"\xff\xfe", b"a=b"])
async def test_a_signed_body_that_is_no_payload_is_a_bad_request(pressing: Pressing, body: bytes) -> None:
    assert (await pressing.send(body)).status == 400


async def test_other_buttons_and_unknown_incidents_do_nothing(pressing: Pressing) -> None:
    assert (await pressing.press("open_link")).status == 200
    assert (await pressing.press("confirm", type="view_submission")).status == 200
    assert (await pressing.press("confirm", actions=[{"action_id": "confirm", "value": "nothing"}])).status == 200
    assert await pressing.actions() == []


async def test_an_answer_that_cannot_be_given_takes_nothing_back(pressing: Pressing) -> None:
    reply = await pressing.press("mute", response_url="http://169.254.169.254/latest/meta-data")
    assert reply.status == 200
    async with asyncio.timeout(5):
        while await pressing.actions() != [("ada (Slack U1)", "mute")]:
            await asyncio.sleep(0.01)


async def test_without_a_signing_secret_there_is_no_endpoint(sqlite_url: str) -> None:
    async with open_database(sqlite_url, role="run") as database, desk_on(database) as desk:
        assert (await desk.ask("POST", "/v1/slack/actions", data=b"payload=x")).status == 404
