"""Slack as a bot and a webhook see it: its answers, its limits on blocks, its pace, one channel's messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from app.clock import Clock
from tests.simulator.receiver import Answer, Behaviour, Receiver, receiving

TEXT_MAX, BLOCKS_MAX, TOTAL_MAX = 40_000, 50, 13_000


@dataclass
class Shown:
    """A message in the channel. `edits` counts how often it was changed."""

    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str | None
    metadata: dict[str, Any]
    edits: int = 0


@dataclass
class Slack:
    """The channel C1 of a workspace. `fail_next` holds errors to answer with before anything else is done."""

    receiver: Receiver
    clock: Clock
    token: str = "xoxb-canary"
    pace_s: float = 1.0
    burst: int = 5
    messages: dict[str, Shown] = field(default_factory=dict)
    fail_next: list[str] = field(default_factory=list)
    limited: int = 0
    _credit: float = 5.0
    _refilled: float = 0.0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}/api"

    @property
    def hook_url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}/services/T0/B0/canary"

    @property
    def top(self) -> list[Shown]:
        """The messages of the channel itself, threads apart."""
        return [shown for shown in self.messages.values() if shown.thread_ts is None]

    def decide(self, path: str, headers: dict[str, str], body: bytes) -> Behaviour:
        if not self._has_credit():
            self.limited += 1
            return Answer(429, b'{"ok":false,"error":"ratelimited"}', {"Retry-After": "1"})
        payload = msgspec.json.decode(body)
        if path.startswith("/services/"):
            return self._hook(payload)
        if headers.get("authorization") != f"Bearer {self.token}":
            return _said({"ok": False, "error": "invalid_auth"})
        if self.fail_next:
            return _said({"ok": False, "error": self.fail_next.pop(0)})
        wrong = wrong_with(payload)
        if wrong:
            return _said({"ok": False, "error": wrong})
        if payload.get("channel") != "C1":
            return _said({"ok": False, "error": "channel_not_found"})
        return self._update(payload) if path.endswith("/chat.update") else self._post(payload)

    def _hook(self, payload: dict[str, Any]) -> Behaviour:
        if self.fail_next:
            error = self.fail_next.pop(0)
            return Answer(
                {"no_service": 404, "channel_is_archived": 410, "action_prohibited": 403}.get(error, 400),
                error.encode(),
            )
        wrong = wrong_with(payload)
        if wrong:
            return Answer(400, wrong.encode())
        self._keep(payload)
        return Answer(200, b"ok")

    def _post(self, payload: dict[str, Any]) -> Behaviour:
        return _said({"ok": True, "channel": "C1", "ts": self._keep(payload).ts})

    def _update(self, payload: dict[str, Any]) -> Behaviour:
        shown = self.messages.get(payload["ts"])
        if shown is None:
            return _said({"ok": False, "error": "message_not_found"})
        shown.text, shown.blocks = payload["text"], payload.get("blocks", [])
        shown.edits += 1
        return _said({"ok": True, "channel": "C1", "ts": shown.ts})

    def _keep(self, payload: dict[str, Any]) -> Shown:
        ts = f"1536069720.{len(self.messages):06}"
        shown = Shown(
            ts, payload["text"], payload.get("blocks", []), payload.get("thread_ts"), payload.get("metadata", {})
        )
        self.messages[ts] = shown
        return shown

    def _has_credit(self) -> bool:
        now = self.clock.monotonic()
        self._credit = min(float(self.burst), self._credit + (now - self._refilled) / self.pace_s)
        self._refilled = now
        if self._credit < 1:
            return False
        self._credit -= 1
        return True


def wrong_with(payload: dict[str, Any]) -> str:
    """Return Slack's error for a payload that breaks a limit of Block Kit; empty where it is fine."""
    text, blocks = payload.get("text", ""), payload.get("blocks", [])
    if not text:
        return "no_text"
    if len(text) > TEXT_MAX:
        return "msg_too_long"
    if len(blocks) > BLOCKS_MAX or any(_block_wrong(block) for block in blocks):
        return "invalid_blocks"
    return "msg_blocks_too_long" if _letters(blocks) > TOTAL_MAX else ""


def _block_wrong(block: dict[str, Any]) -> bool:
    match block["type"]:
        case "header":
            return block["text"]["type"] != "plain_text" or not 1 <= len(block["text"]["text"]) <= 150
        case "section":
            texts = [block["text"]] if "text" in block else []
            fields = block.get("fields", [])
            if not texts and not fields:
                return True
            return any(not 1 <= len(one["text"]) <= 3000 for one in texts) or (
                len(fields) > 10 or any(not 1 <= len(one["text"]) <= 2000 for one in fields)
            )
        case "context":
            return not 1 <= len(block["elements"]) <= 10 or any(
                not 1 <= len(one["text"]) <= 3000 for one in block["elements"]
            )
        case "actions":
            return not 1 <= len(block["elements"]) <= 25 or any(
                len(one["text"]["text"]) > 75 or len(one["value"]) > 2000 or len(one["action_id"]) > 255
                for one in block["elements"]
            )
        case "rich_text":
            return not all(
                part["elements"] and all(one["text"] for one in part["elements"]) for part in block["elements"]
            )
        case _:
            return True


def _letters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_letters(one) for key, one in value.items() if key not in {"type", "action_id", "block_id"})
    return sum(_letters(one) for one in value) if isinstance(value, list) else 0


def _said(answer: dict[str, Any]) -> Answer:
    return Answer(200, msgspec.json.encode(answer), {"Content-Type": "application/json"})


@asynccontextmanager
async def slack_workspace(clock: Clock) -> AsyncIterator[Slack]:
    async with receiving(clock=clock) as receiver:
        slack = Slack(receiver, clock)
        receiver.decide = slack.decide
        yield slack
