"""Jetstream's two wire forms as one kind of event, and a post record as the fields of a post line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

POST = "app.bsky.feed.post"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {"create": "post", "update": "edit", "delete": "delete"}

_decoder = msgspec.json.Decoder()


class Event(NamedTuple):
    """What Jetstream tells. `cursor` names its place on that host, `at` is when the host witnessed it.

    `operation` is "create", "update" or "delete" of a post, "account" (then `record` is what became of it), "error", "info" (then
    `record` says what), or "other".
    """

    operation: str
    cursor: int | None = None
    at: datetime | None = None
    did: str = ""
    rkey: str = ""
    cid: str = ""
    record: Mapping[str, Any] = {}


def read_event(raw: bytes) -> Event | None:
    """Read a frame of either form; None where it is none. Never raises."""
    try:
        message = _decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    payload = message.get("payload")
    if isinstance(payload, dict):
        return _second(payload)
    if "error" in message or str(message.get("$type")) == "error":
        return Event("error", record=message)
    return _first(message)


def fields_of(event: Event, author: str) -> dict[str, Any]:
    """Return the fields of the post line that a create, update or delete makes. `author` is the handle, or the did where it is not known."""
    uri = f"at://{event.did}/{POST}/{event.rkey}"
    at = event.at.isoformat() if event.at else None
    fields: dict[str, Any] = {"id": uri, "platform": "bluesky", "author": author, "type": TYPES[event.operation]}
    if event.operation == "delete":
        return fields | {"created_at": at}
    record = event.record
    languages = record.get("langs")
    embed = _dict(record.get("embed"))
    reply = _dict(_dict(record.get("reply")).get("parent"))
    return fields | {
        "created_at": at if event.operation == "update" else record.get("createdAt"),
        "text": record.get("text"),
        "lang": languages[0] if isinstance(languages, list) and languages else None,
        "url": f"https://bsky.app/profile/{event.did}/post/{event.rkey}",
        "reply_to": reply.get("uri"),
        "quote_of": _quoted(embed),
        "media": _images(embed) or None,
    }


def time_of(cursor: int) -> datetime:
    """Return the time that a cursor of microseconds stands for."""
    return EPOCH + timedelta(microseconds=cursor)


def cursor_at(at: datetime) -> int:
    """Return the cursor that both wire forms read as this time."""
    return (at - EPOCH) // timedelta(microseconds=1)


def _first(message: Mapping[str, Any]) -> Event | None:
    """The frozen form of `/subscribe`: microseconds are the cursor."""
    cursor, did = message.get("time_us"), message.get("did")
    if not isinstance(cursor, int) or not isinstance(did, str) or not 0 < cursor < 10**17:
        return None
    at = time_of(cursor)
    if message.get("kind") == "account":
        return Event("account", cursor, at, did, record=_dict(message.get("account")))
    if message.get("kind") != "commit":
        return Event("other", cursor, at, did)
    return _commit(_dict(message.get("commit")), cursor, at, did)


def _second(payload: Mapping[str, Any]) -> Event | None:
    """The form of `subscribeEvents`: a sequence is the cursor, the time stands beside it."""
    kind = str(payload.get("$type")).rpartition("#")[2]
    if kind == "info":
        return Event("info", record=payload)
    cursor, did, said = payload.get("seq"), payload.get("did"), payload.get("time")
    if not isinstance(cursor, int) or not isinstance(did, str) or not isinstance(said, str):
        return None
    try:
        at = datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if kind == "account":
        return Event("account", cursor, at, did, record=_dict(payload.get("account")))
    return _commit(payload, cursor, at, did) if kind == "commit" else Event("other", cursor, at, did)


def _commit(commit: Mapping[str, Any], cursor: int, at: datetime, did: str) -> Event:
    operation = commit.get("operation")
    if commit.get("collection") != POST or operation not in TYPES:
        return Event("other", cursor, at, did)
    record = _dict(commit.get("record"))
    return Event(str(operation), cursor, at, did, str(commit.get("rkey")), str(commit.get("cid", "")), record)


def _quoted(embed: Mapping[str, Any]) -> Any:
    record = _dict(embed.get("record"))
    return record.get("uri") or _dict(record.get("record")).get("uri")


def _images(embed: Mapping[str, Any]) -> list[str]:
    images = _dict(embed.get("media")).get("images") or embed.get("images")
    refs = (
        [_dict(_dict(_dict(one).get("image")).get("ref")).get("$link") for one in images]
        if isinstance(images, list)
        else []
    )
    return [ref for ref in refs if isinstance(ref, str)]


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
