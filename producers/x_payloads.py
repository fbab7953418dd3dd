"""X API v2 objects as the fields of a post line. Nothing that X may leave out is relied upon, and ids stay text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from app.domain.posts import quarantine
from app.errors import Reason
from app.messages import Quarantined

LANGUAGES = {"iw": "he", "in": "id", "ji": "yi"}
NO_LANGUAGE = frozenset({"und", "zxx", "art", "qam", "qct", "qht", "qme", "qst"})
REFERENCES = {"retweeted": "repost_of", "quoted": "quote_of", "replied_to": "reply_to"}
GONE = frozenset({"resource-not-found", "not-authorized-for-resource"})  # deleted; protected or suspended
EVERYWHERE = frozenset({"XX", "XY"})  # country codes of a post that is withheld in the whole world

TWEET_FIELDS = "author_id,created_at,lang,edit_history_tweet_ids,note_tweet,referenced_tweets,attachments,withheld"
EXPANSIONS = "author_id,referenced_tweets.id,referenced_tweets.id.author_id"
USER_FIELDS = "username,name"

_decoder = msgspec.json.Decoder()


class XPost(NamedTuple):
    """A post as fields, whose it is, and the tags of the stream rules that it matched."""

    native_id: str
    author_id: str | None
    author: str | None
    fields: Mapping[str, Any]
    rules: tuple[str, ...] = ()


class StreamTrouble(NamedTuple):
    """What X says in the stream before it hangs up."""

    title: str
    too_many: bool


Message = XPost | StreamTrouble | Quarantined


def read_message(raw: bytes, now: datetime) -> Message:
    """Read one line of the filtered or the activity stream. Never raises."""
    try:
        message = _decoder.decode(raw)
    except (ValueError, RecursionError) as error:
        return quarantine(raw, Reason.BAD_JSON, str(error))
    if not isinstance(message, dict):
        return quarantine(raw, Reason.BAD_TYPE, "the message is no object")
    trouble = _trouble(message)
    data = message.get("data")
    if not isinstance(data, dict):
        return trouble or quarantine(raw, Reason.BAD_TYPE, "no post in the message")
    post = _activity(data, now) if "event_type" in data else _post(data, _Includes(message.get("includes")))
    if post is None:
        return quarantine(raw, Reason.BAD_TYPE, "no post in the message")
    rules = message.get("matching_rules")
    tags = tuple(str(rule.get("tag") or rule.get("id")) for rule in _dicts(rules))
    return post._replace(rules=tags)


def read_page(page: Mapping[str, Any]) -> list[tuple[XPost, bytes]]:
    """Return the posts of a page of a timeline or a search, each with its own JSON, as X orders them (newest first)."""
    includes = _Includes(page.get("includes"))
    read = [(_post(data, includes), data) for data in _dicts(page.get("data"))]
    return [(post, msgspec.json.encode(data)) for post, data in read if post is not None]


def gone_ids(page: Mapping[str, Any], asked: Collection[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return those of the posts asked for that X says nobody may see any longer, each with what X says.

    A post that is merely missing from the answer is not gone: X must name it. Errors about posts that others refer to are not meant.
    """
    found = {}
    for error in _dicts(page.get("errors")):
        native = str(error.get("resource_id") or error.get("value") or "")
        if native in asked and str(error.get("type") or "").rpartition("/")[2] in GONE:
            found[native] = error
    return list(found.items())


def newer_ids(page: Mapping[str, Any]) -> list[str]:
    """Return the newest versions of those posts of a lookup that were edited after the version that was asked for."""
    histories = [[str(one) for one in _list(data.get("edit_history_tweet_ids"))] for data in _dicts(page.get("data"))]
    held = {str(data.get("id")) for data in _dicts(page.get("data"))}
    return [history[-1] for history in histories if history and history[-1] not in held]


class _Includes:
    def __init__(self, includes: Any) -> None:
        kept = includes if isinstance(includes, dict) else {}
        self.users = {str(user["id"]): user for user in _dicts(kept.get("users")) if "id" in user}
        self.posts = {str(post["id"]): post for post in _dicts(kept.get("tweets")) if "id" in post}


def _post(data: Mapping[str, Any], includes: _Includes) -> XPost | None:
    native = data.get("id_str") or data.get("id")
    if native is None or not data.keys() & {"text", "note_tweet", "withheld"}:
        return None  # a user, a list: no post
    native = str(native)
    history = [str(one) for one in _list(data.get("edit_history_tweet_ids"))]
    first = history[0] if history else native
    author_id = _text(data.get("author_id_str") or data.get("author_id"))
    user = includes.users.get(author_id or "", {})
    author = _text(user.get("username"))
    references = {REFERENCES[one["type"]]: str(one["id"]) for one in _referenced(data)}
    text = _full_text(data)
    if original := includes.posts.get(references.get("repost_of", "")):
        text = _repost_text(text, _full_text(original))
    language = _text(data.get("lang"))
    fields: dict[str, Any] = {
        "id": first,
        "platform": "x",
        "author": author or author_id,
        "author_name": _text(user.get("name")),
        "created_at": data.get("created_at"),
        "text": text,
        "type": "edit" if native != first else "post",
        "lang": None if language in NO_LANGUAGE else LANGUAGES.get(language or "", language),
        "url": f"https://x.com/{author or 'i'}/status/{native}",
        "media": _media(data),
        **references,
    }
    if _withheld_everywhere(data):
        fields |= {"type": "delete", "text": "", "media": None}
    return XPost(native, author_id, author, fields)


def _activity(data: Mapping[str, Any], now: datetime) -> XPost | None:
    """Read an event of the activity stream: `post.create` carries a post, `post.delete` names one."""
    payload = data.get("payload")
    if not isinstance(payload, dict):
        return None
    if data["event_type"] == "post.create":
        includes = payload.get("includes") or data.get("includes")
        return _post(payload, _Includes(includes))
    native = payload.get("id_str") or payload.get("id")
    if data["event_type"] != "post.delete" or native is None:
        return None
    author_id = _text(payload.get("author_id_str") or payload.get("author_id"))
    at = _text(payload.get("deleted_at") or data.get("created_at")) or now.isoformat()
    fields = {"id": str(native), "platform": "x", "author": author_id, "created_at": at, "type": "delete"}
    return XPost(str(native), author_id, None, fields)


def _trouble(message: Mapping[str, Any]) -> StreamTrouble | None:
    errors = _dicts(message.get("errors"))
    said = next(iter(errors), message)
    title = _text(said.get("title"))
    issue = str(said.get("connection_issue") or message.get("connection_issue") or "")
    return StreamTrouble(f"{title} {issue}".strip(), "TooManyConnections" in issue) if title else None


def _full_text(data: Mapping[str, Any]) -> str:
    note = data.get("note_tweet")
    long = note.get("text") if isinstance(note, dict) else None
    return _text(long) or _text(data.get("text")) or ""


def _repost_text(cut: str, original: str) -> str:
    """Put the whole original behind "RT @name:", where X cut it."""
    head, colon, _ = cut.partition(": ")
    return f"{head}: {original}" if colon and head.startswith("RT @") and original else cut


def _referenced(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in _dicts(data.get("referenced_tweets")):
        if one.get("type") in REFERENCES and one.get("id"):
            yield one


def _media(data: Mapping[str, Any]) -> list[str] | None:
    attachments = data.get("attachments")
    return [str(key) for key in _list(attachments.get("media_keys"))] if isinstance(attachments, dict) else None


def _withheld_everywhere(data: Mapping[str, Any]) -> bool:
    withheld = data.get("withheld")
    codes = _list(withheld.get("country_codes")) if isinstance(withheld, dict) else []
    return any(code in EVERYWHERE for code in codes if isinstance(code, str))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in _list(value) if isinstance(one, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
