"""Slack in two forms: an incoming webhook (one message an alert) and a bot token (one live message an incident, edited in place).

One attempt a call: Slack's own client would retry in its process and forget on a crash, so the plain guarded client is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.clock import Clock
from app.messages import IncidentView
from app.notify.pace import Pace
from app.notify.port import Delivered, Digest, Failed, Message, Notice, Outcome, Outgoing
from app.notify.schedule import RETRY_AFTER_DEFAULT_S, read_retry_after
from app.notify.slack_blocks import (
    PLAIN,
    Block,
    Look,
    alert_blocks,
    digest_blocks,
    digest_fallback,
    escape,
    fallback,
    notice_blocks,
    reply_blocks,
    superseded_blocks,
)
from app.outbound.client import DEADLINE_S, Ask, OutboundClient, OutboundFailed, Reply
from app.outbound.targets import OutboundRefused

BESIDE_S = 5.0  # deadline of a call beside the message itself: with it a message stays within the sender's deadline
PACE_S = 1.0  # Slack's limit for a channel or webhook, with short bursts beyond it
API = "https://slack.com/api"
# Said once, said for ever: the hook, the channel or the token is no more.
_GONE = frozenset(
    {
        "no_service",
        "channel_is_archived",
        "is_archived",
        "no_team",
        "team_disabled",
        "account_inactive",
        "token_revoked",
    }
)
# The message itself is not taken: worth one more try as plain text, then never again.
_CONTENT = frozenset(
    {
        *("invalid_payload", "invalid_blocks", "invalid_blocks_format", "invalid_attachments", "msg_blocks_too_long"),
        *("msg_too_long", "too_many_attachments", "no_text", "invalid_metadata_format", "invalid_metadata_schema"),
    }
)
_LATER = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "rollup_error"})
_LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})


class SlackWebhookNotifier:
    """An incoming webhook: a message an alert. It answers `ok` and nothing to find the message by."""

    concurrency = 1
    gathers = True

    def __init__(self, url: str, client: OutboundClient, clock: Clock, look: Look = PLAIN) -> None:
        self._url = url
        self._client = client
        self._pace = Pace(clock, PACE_S)
        self._look = look

    async def send(self, message: Message) -> Outcome:
        text, blocks = rendered(message, self._look)
        outcome = await self._post({"text": text, "blocks": blocks}, message)
        if isinstance(outcome, Failed) and not outcome.retry and not outcome.disable:
            return await self._post({"text": text}, message)
        return outcome

    async def _post(self, payload: Mapping[str, Any], message: Message) -> Outcome:
        await self._pace.turn()
        body = msgspec.json.encode({**payload, "unfurl_links": False, "unfurl_media": False, "mrkdwn": False})
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            reply = await self._client.request("POST", self._url, Ask(headers=headers, body=body))
        except OutboundRefused as error:
            return Failed(retry=True, reason=error.detail, refused=True)
        except OutboundFailed as error:
            return Failed(retry=True, reason=f"{error.kind}: {error.detail}")
        if reply.status == 200:
            return Delivered()
        return _failure(reply, reply.body.decode("utf-8", "replace").strip()[:100], message)


class SlackBotNotifier:
    """A bot in a channel: posts, edits its live message in place, re-posts what must be heard, keeps a thread of what changed."""

    concurrency = 1
    gathers = True

    def __init__(
        self,
        token: str,
        channel: str,
        client: OutboundClient,
        clock: Clock,
        *,
        look: Look = PLAIN,
        base_url: str = API,
    ) -> None:
        self._token = token
        self._channel = channel
        self._client = client
        self._pace = Pace(clock, PACE_S)
        self._look = look
        self._base_url = base_url.rstrip("/")

    async def send(self, message: Message) -> Outcome:
        if not isinstance(message, Outgoing) or message.live is None:
            return await self._say("chat.postMessage", message)
        channel, _, ts = message.live.partition(":")
        if is_loud(message):
            outcome = await self._say("chat.postMessage", message)
            if isinstance(outcome, Delivered):
                await self._supersede(message, channel, ts, outcome.reference)
            return outcome
        outcome = await self._say("chat.update", message, channel=channel, ts=ts)
        if isinstance(outcome, Failed):
            # The live message is gone or too old to edit: a new one takes its place.
            return await self._say("chat.postMessage", message) if outcome.reason in _LOST else outcome
        await self._call(
            "chat.postMessage",
            {"channel": channel, "thread_ts": ts, "text": _brief(message), "blocks": reply_blocks(message)},
            message,
            deadline_s=BESIDE_S,
        )
        return Delivered(message.live)

    async def _say(self, method: str, message: Message, **where: str) -> Outcome:
        text, blocks = rendered(message, self._look)
        payload = {"channel": self._channel, **where, "text": text, "metadata": _metadata(message)}
        outcome = await self._call(method, {**payload, "blocks": blocks}, message)
        if isinstance(outcome, Failed) and not outcome.retry and not outcome.disable:
            return await self._call(method, payload, message)
        return outcome

    async def _supersede(self, message: Outgoing, channel: str, ts: str, newer: str | None) -> None:
        """Turn the older message into a pointer to the newer one; if that fails the newer one still says all."""
        link = newer and f"https://slack.com/archives/{newer.replace(':', '/p').replace('.', '')}"
        payload = {"channel": channel, "ts": ts, "text": _brief(message), "blocks": superseded_blocks(message, link)}
        await self._call("chat.update", payload, message, deadline_s=BESIDE_S)

    async def _call(
        self, method: str, payload: Mapping[str, Any], message: Message, *, deadline_s: float = DEADLINE_S
    ) -> Outcome:
        await self._pace.turn()
        body = msgspec.json.encode(
            {**payload, "unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "parse": "none"}
        )
        headers = {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {self._token}"}
        try:
            reply = await self._client.request(
                "POST", f"{self._base_url}/{method}", Ask(headers=headers, body=body, deadline_s=deadline_s)
            )
        except OutboundRefused as error:
            return Failed(retry=True, reason=error.detail, refused=True)
        except OutboundFailed as error:
            return Failed(retry=True, reason=f"{error.kind}: {error.detail}")
        if reply.status != 200:
            return _failure(reply, "", message)
        try:
            answer = msgspec.json.decode(reply.body, type=_Answer)
        except msgspec.DecodeError:
            return Failed(retry=True, reason="Slack's reply is no JSON")
        if answer.ok:
            return Delivered(f"{answer.channel}:{answer.ts}" if answer.channel and answer.ts else None)
        return _failure(reply, answer.error, message)


class _Answer(msgspec.Struct):
    """What Slack's Web API says to a call."""

    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""


def _brief(outgoing: Outgoing) -> str:
    return fallback(outgoing, words_of_posts=False)


def is_loud(outgoing: Outgoing) -> bool:
    """Whether people must hear it: anything but a quiet update, and an update whose toll at least doubles."""
    steps = {outgoing.alert.step, *(alert.step for alert in outgoing.also)}
    return bool(steps - {"updated"}) or _toll_jumps(outgoing.incident, outgoing.previous)


def rendered(message: Message, look: Look = PLAIN) -> tuple[str, list[Block]]:
    """Return a message's plain text and its blocks."""
    match message:
        case Outgoing():
            return fallback(message), alert_blocks(message, look)
        case Digest():
            return digest_fallback(message), digest_blocks(message)
        case Notice():
            return escape(message.text), notice_blocks(message)


def _toll_jumps(now: IncidentView, before: IncidentView | None) -> bool:
    killed = now.killed[1] if now.killed else 0
    then = before.killed[1] if before is not None and before.killed else 0
    return killed > 0 and killed >= 2 * then


def _metadata(message: Message) -> dict[str, Any]:
    """Return what lets a program in the channel recognise a message that was sent twice."""
    payload = {"delivery_id": message.id}
    if isinstance(message, Outgoing):
        payload |= {"alert_id": message.alert.id, "incident_id": message.alert.incident, "step": message.alert.step}
    return {"event_type": "watchdesk_message", "event_payload": payload}


def _failure(reply: Reply, error: str, message: Message) -> Failed:
    """Return what Slack's refusal means, by its word first and its status second."""
    reason = error or f"HTTP {reply.status}"
    retry_after = read_retry_after(reply.headers.get("Retry-After"), message.now)
    if reply.status == 429 or error in {"ratelimited", "rate_limited"}:
        return Failed(retry=True, reason="429: rate limited", retry_after=retry_after or RETRY_AFTER_DEFAULT_S)
    if error in _GONE:
        return Failed(retry=False, reason=reason, disable=True)
    if error in _CONTENT:
        return Failed(retry=False, reason=reason)
    if reply.status == 410:
        return Failed(retry=False, reason=reason, disable=True)
    if reply.status >= 500 or error in _LATER or reply.status in {408, 425}:
        return Failed(retry=True, reason=reason, retry_after=retry_after)
    return Failed(retry=True, reason=reason, refused=True)
