"""Slack's interactivity endpoint: a button that somebody pressed becomes an editor's action, and the message says who it was.

Slack signs each call: `v0=` and HMAC-SHA256 of `v0:timestamp:body`, compared in constant time, at most five minutes old.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec
from fastapi import APIRouter, BackgroundTasks, Request, Response
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from app.api.deps import Resources, Serving
from app.api.problems import Problem
from app.db.actions import press
from app.db.config import load_destinations
from app.domain.actions import DONE, Press
from app.errors import UserError, WatchdeskError
from app.notify.slack_blocks import escape, pressed_blocks
from app.outbound.client import Ask, OutboundClient
from app.outbound.targets import policy_of
from app.telemetry.logging import get_logger

router = APIRouter(prefix="/v1/slack", include_in_schema=False)  # for Slack alone: it is no part of our own API

MAX_HEADER = 200


class _User(msgspec.Struct):
    id: str
    username: str = ""
    name: str = ""


class _Action(msgspec.Struct):
    action_id: str
    value: str = ""


class _Message(msgspec.Struct):
    text: str = ""
    blocks: list[dict[str, Any]] = []


class Pressed(msgspec.Struct):
    """What Slack tells of a button: who pressed which, in which message, and where an answer goes."""

    type: str
    user: _User
    actions: list[_Action] = []
    message: _Message = msgspec.field(default_factory=_Message)
    response_url: str = ""


@router.post("/actions")
async def act(request: Request, resources: Resources, later: BackgroundTasks) -> Response:
    """Do what the button says. Answers at once; the message is changed afterwards."""
    try:
        body = (await request.body()).decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8.") from None
    await _check_signature(request, body, resources)
    pressed = _read(body)
    if pressed.type != "block_actions" or not pressed.actions or pressed.actions[0].action_id not in DONE:
        return Response(status_code=200)  # a link button, a menu of somebody else's: nothing of ours
    action = pressed.actions[0]
    who = f"{pressed.user.username or pressed.user.name or pressed.user.id} (Slack {pressed.user.id})"
    now = resources.clock.now()
    try:
        async with resources.database.write() as writing:
            done = await press(writing, action.value, Press(action.action_id, who, now), resources.settings.config.desk)
    except UserError as error:
        refused = f"Not done: {error.detail}."
        later.add_task(
            _answer, resources, pressed, {"response_type": "ephemeral", "replace_original": False, "text": refused}
        )
        return Response(status_code=200)
    line = f"{DONE[action.action_id]} by {who}, {now:%H:%M} UTC"
    blocks = pressed_blocks(pressed.message.blocks, line)
    text = f"{pressed.message.text}\n{escape(line)}"
    later.add_task(_answer, resources, pressed, {"replace_original": True, "text": text, "blocks": blocks})
    get_logger(__name__).info("pressed", action=action.action_id, incident=done.incident.id, who=who)
    return Response(status_code=200)


async def _check_signature(request: Request, body: str, resources: Serving) -> None:
    secrets = await _signing_secrets(resources)
    if not secrets:
        raise Problem(404, "No Slack destination has a signing_secret_env.")
    timestamp = request.headers.get("x-slack-request-timestamp", "")[:MAX_HEADER]
    signature = request.headers.get("x-slack-signature", "")[:MAX_HEADER]
    well_formed = timestamp.isascii() and timestamp.isdigit() and signature.isascii() and len(timestamp) <= 12
    clock = _Now(resources.clock.now().timestamp())
    # Each secret is tried, so that it takes as long whichever of them fits.
    fits = [well_formed and SignatureVerifier(one, clock).is_valid(body, timestamp, signature) for one in secrets]
    if not any(fits):
        raise Problem(401, "The signature is not Slack's, or older than five minutes.", code="bad_signature")


class _Now(SlackClock):
    """The desk's clock in the form that Slack's verifier asks for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self) -> float:
        return self._seconds


async def _signing_secrets(resources: Serving) -> list[str]:
    async with resources.database.read() as session:
        found = await load_destinations(session)
    names = {str(one.options["signing_secret_env"]) for one in found.values() if one.options.get("signing_secret_env")}
    return [secret for name in sorted(names) if (secret := resources.settings.secret_of(name))]


def _read(body: str) -> Pressed:
    try:
        fields = parse_qs(body, strict_parsing=True, max_num_fields=10)
        return msgspec.json.decode(fields["payload"][0], type=Pressed)
    except (ValueError, KeyError, msgspec.DecodeError) as error:
        raise Problem(400, "The body holds no payload of Slack's.") from error


async def _answer(resources: Serving, pressed: Pressed, message: dict[str, Any]) -> None:
    """Change the message or tell the person; the action stands whether that works or not."""
    outbound = resources.settings.config.section("outbound")
    policy = policy_of([*outbound.get("allow_hosts", ()), *outbound.get("allow_networks", ())])
    headers = {"Content-Type": "application/json; charset=utf-8"}
    ask = Ask(headers=headers, body=msgspec.json.encode(message))
    try:
        await OutboundClient(policy, clock=resources.clock).request("POST", pressed.response_url, ask)
    except WatchdeskError as error:
        get_logger(__name__).warning("Slack's message was not changed", why=error.detail)
