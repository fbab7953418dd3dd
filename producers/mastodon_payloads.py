"""Mastodon's statuses and its event stream as the fields of post lines. Ids are those of the server that we read: its deletions name them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from producers.html_text import text_of

SEEN_BY_ALL = frozenset({"public", "unlisted"})  # what its author shows to followers or to one person is no source

_decoder = msgspec.json.Decoder()


class Event(NamedTuple):
    """An event of the stream: its name, and the data as it came."""

    name: str
    data: bytes


class EventReader:
    """Server-sent events from lines. A comment (the server's heartbeat) is nothing."""

    def __init__(self) -> None:
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, line: bytes) -> Event | None:
        """Return the event that this line ends, if it ends one."""
        if not line:
            event = Event(self._name, b"\n".join(self._data)) if self._data else None
            self._name, self._data = "", []
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value.decode("utf-8", "replace")
        elif field == b"data":
            self._data.append(value)
        return None


def read_status(data: bytes) -> dict[str, Any] | None:
    """Return a status; None where the bytes are none. Never raises."""
    try:
        status = _decoder.decode(data)
    except (ValueError, RecursionError):
        return None
    return status if isinstance(status, dict) and isinstance(status.get("id"), str | int) else None


def open_to_all(status: Mapping[str, Any]) -> bool:
    return status.get("visibility", "public") in SEEN_BY_ALL


def fields_of(status: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Return the fields of the post line that a status of this server makes."""
    account = _dict(status.get("account"))
    boosted = _dict(status.get("reblog"))
    shown = boosted or status
    edited = status.get("edited_at")
    warning = _text(shown.get("spoiler_text"))
    body = text_of(_text(shown.get("content")))
    attachments = shown.get("media_attachments")
    media = (
        [_text(one.get("url")) for one in attachments if isinstance(one, dict)] if isinstance(attachments, list) else []
    )
    return {
        "id": id_of(host, status["id"]),
        "platform": "mastodon",
        "author": author_of(account, host),
        "author_name": account.get("display_name"),
        "created_at": edited or status.get("created_at"),
        "text": "\n".join(part for part in (warning, body) if part),
        "type": "edit" if edited else "post",
        "lang": shown.get("language"),
        "url": status.get("url") or shown.get("url"),
        "repost_of": id_of(host, boosted["id"]) if boosted.get("id") else None,
        "reply_to": id_of(host, status["in_reply_to_id"]) if status.get("in_reply_to_id") else None,
        "media": [address for address in media if 0 < len(address) <= 300] or None,
    }


def deletion_of(local_id: str, host: str, author: str | None, at: str) -> dict[str, Any]:
    return {"id": id_of(host, local_id), "platform": "mastodon", "author": author, "created_at": at, "type": "delete"}


def author_of(account: Mapping[str, Any], host: str) -> str | None:
    """Return `name@server`: the server leaves its own name out."""
    handle = _text(account.get("acct"))
    return None if not handle else handle if "@" in handle else f"{handle}@{host}"


def id_of(host: str, local_id: object) -> str:
    return f"mastodon:{host}/{local_id}"


def digest_of(status: Mapping[str, Any]) -> str:
    """Return what changes when the author changes the status."""
    shown = [status.get("edited_at"), status.get("content"), status.get("spoiler_text")]
    return hashlib.sha256(msgspec.json.encode(shown)).hexdigest()[:16]


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
