"""Webhooks after the Standard Webhooks specification: signed, with the delivery id as `webhook-id`, sent once a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from standardwebhooks import Webhook

from app.domain.clocks import before_build
from app.messages import IncidentView
from app.notify.port import Delivered, Digest, Failed, Message, Notice, Outcome, Outgoing, PostShown
from app.notify.schedule import RETRY_AFTER_DEFAULT_S, read_retry_after
from app.outbound.client import Ask, OutboundClient, OutboundFailed, Reply
from app.outbound.targets import OutboundRefused

ROTATION = timedelta(hours=24)  # so long both secrets sign
# Receivers expect less than 20 kB: the lists of a great incident are cut, its counts are not.
_LISTED, _REASONS, _WORDS, _TEXT = 20, 12, 300, 2_000
_AGAIN = frozenset({408, 421, 425, 429})  # 4xx that mean "later"; 5xx too


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secret in force and, for 24 h after `rotated_at`, the one before it."""

    current: str
    previous: str | None = None
    rotated_at: datetime | None = None

    def in_force(self, now: datetime) -> tuple[str, ...]:
        if self.previous is None or self.rotated_at is None or now - self.rotated_at >= ROTATION:
            return (self.current,)
        return (self.current, self.previous)


class WebhookNotifier:
    """One receiver. With a clock that must be wrong nothing is signed and nothing sent: it would be refused, or stand signed with that time."""

    concurrency = 4
    gathers = False

    def __init__(self, url: str, secrets: SigningSecrets, client: OutboundClient) -> None:
        self._url = url
        self._secrets = secrets
        self._client = client

    async def send(self, message: Message) -> Outcome:
        if wrong := before_build(message.now):
            return Failed(retry=True, reason=f"not signed: {wrong}", ours=True)
        body = encode_body(message)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "watchdesk-webhooks/1",
            **sign(message.id, message.now, body, self._secrets.in_force(message.now)),
        }
        try:
            reply = await self._client.request("POST", self._url, Ask(headers=headers, body=body))
        except OutboundRefused as error:
            return Failed(retry=True, reason=error.detail, refused=True)
        except OutboundFailed as error:
            return Failed(retry=True, reason=f"{error.kind}: {error.detail}")
        return read_reply(reply, message.now)


def sign(message_id: str, now: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers of a signed message, one signature for each secret."""
    at = now.astimezone(UTC)
    text = body.decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, at, text) for secret in secrets),
    }


def read_reply(reply: Reply, now: datetime) -> Outcome:
    """Return what a receiver's answer means: 2xx is delivered, whatever the body; redirects are no answer; 410 is for good."""
    if 200 <= reply.status < 300:
        return Delivered()
    reason = f"HTTP {reply.status}"
    if 300 <= reply.status < 400:
        return Failed(retry=True, reason=f"{reason}: redirects are not followed; update the URL", refused=True)
    if reply.status == 410:
        return Failed(retry=False, reason=f"{reason}: gone", disable=True)
    retry_after = read_retry_after(reply.headers.get("Retry-After"), now)
    if reply.status == 429 and retry_after is None:
        retry_after = RETRY_AFTER_DEFAULT_S
    refused = 400 <= reply.status < 500 and reply.status not in _AGAIN
    return Failed(retry=True, reason=reason, retry_after=retry_after, refused=refused)


def encode_body(message: Message) -> bytes:
    """Return the body of a message, below 20 kB: `{"type", "timestamp", "data"}`."""
    match message:
        case Outgoing():
            return _encode(f"alert.{message.alert.step}", message.alert.created_at, alert_data(message))
        case Digest():
            data = {"alerts": [msgspec.to_builtins(alert) for alert in message.alerts], "demo": message.demo}
            return _encode("alert.digest", message.now, data)
        case Notice():
            return _encode("system.notice", message.now, {"text": message.text, "demo": message.demo})


def alert_data(outgoing: Outgoing) -> dict[str, Any]:
    """Return what a receiver is told of an alert: `alert` as in `/v1/alerts`, `incident` as in `/v1/incidents`, the first post."""
    alert = msgspec.structs.replace(
        outgoing.alert,
        reasons=_cut(outgoing.alert.reasons, _REASONS),
        origins=_cut(outgoing.alert.origins, _LISTED),
    )
    data: dict[str, Any] = {
        "alert": msgspec.to_builtins(alert),
        "incident": msgspec.to_builtins(_bounded(outgoing.incident)),
        "post": _post(outgoing.post),
        "test": outgoing.exercise,
        "demo": outgoing.demo,
    }
    if outgoing.sources is not None:
        data["sources"] = {"live": outgoing.sources.live, "total": outgoing.sources.total}
    return data


def _bounded(view: IncidentView) -> IncidentView:
    return msgspec.structs.replace(
        view,
        posts=view.posts[:_LISTED],
        related=view.related[:_LISTED],
        origins=_cut(view.origins, _LISTED),
        reasons=_cut(view.reasons, _REASONS),
    )


def _cut(lines: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(line[:_WORDS] for line in lines[:most])


def _post(post: PostShown | None) -> dict[str, Any] | None:
    if post is None:
        return None
    return {
        "id": post.id,
        "author": post.author,
        "author_name": post.author_name,
        "text": None if post.text is None else post.text[:_TEXT],
        "posted_at": msgspec.to_builtins(post.posted_at),
        "seen_at": msgspec.to_builtins(post.seen_at),
        "url": post.url,
        "deleted": post.deleted,
    }


def _encode(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"type": kind, "timestamp": msgspec.to_builtins(at), "data": data})
