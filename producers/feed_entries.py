"""RSS and Atom bytes as the fields of post lines. The library reads what we fetched; it never fetches itself."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import feedparser
import msgspec

from producers.html_text import text_of

MOST_ENTRIES = 500
MOST_DECLARATIONS = 20_000  # CDATA included; the library's time grows with their square
MOST_ITEMS = 5_000  # beyond which it is no feed to read in one look
MAX_GUID = 150  # characters; a longer one is named by its hash


class Entry(NamedTuple):
    """An entry: `key` is its id in this feed, `digest` changes with what a reader sees."""

    key: str
    digest: str
    fields: Mapping[str, Any]
    raw: bytes


class Feed(NamedTuple):
    """A feed as fetched. `oldest` is the time of its oldest dated entry."""

    title: str
    entries: list[Entry]
    oldest: datetime | None


def read_feed(body: bytes, content_type: str, url: str, source_id: str, language: str | None) -> Feed | None:
    """Read a feed; None where the bytes are none. A malformed one gives what can be made out of it."""
    if body.count(b"<!") > MOST_DECLARATIONS or body.count(b"<item") + body.count(b"<entry") > MOST_ITEMS:
        return None
    headers = {"content-type": content_type or "application/xml", "content-location": url}
    # Its cleaning of HTML is slow on what is made to be slow, and we keep nothing but text.
    parsed = feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    if not parsed.get("version") and not parsed.entries:
        return None
    title = _plain(parsed.feed.get("title"))
    spoken = language or parsed.feed.get("language")
    entries = [_entry(one, source_id, title, spoken) for one in parsed.entries[:MOST_ENTRIES]]
    dates = [at for one in parsed.entries[:MOST_ENTRIES] if (at := _time(one, "published_parsed", "updated_parsed"))]
    return Feed(title, entries, min(dates, default=None))


def _entry(one: Any, source_id: str, feed_title: str, language: Any) -> Entry:
    platform, _, handle = source_id.partition(":")
    title, body = _plain(one.get("title")), _plain(_body(one))
    text = body if title and body.startswith(title) else "\n".join(part for part in (title, body) if part)
    published = _time(one, "published_parsed", "updated_parsed")
    key = _key(one, title, published)
    link = one.get("link")
    fields = {
        "id": f"{platform}:{key if '://' in key or key.startswith(('tag:', 'urn:', 'yt:')) else f'{handle}/{key}'}",
        "platform": platform,
        "author": handle,
        "author_name": _plain(one.get("author")) or feed_title or None,
        "created_at": published.isoformat() if published else None,
        "text": text,
        "lang": language if isinstance(language, str) else None,
        "url": link if isinstance(link, str) and link.startswith(("http://", "https://")) else None,
        "media": _media(one) or None,
    }
    updated = _time(one, "updated_parsed")
    seen = {name: value for name, value in fields.items() if name in {"text", "url", "media"}}
    raw = msgspec.json.encode({"updated": updated.isoformat() if updated else None, **fields})
    return Entry(key, hashlib.sha256(msgspec.json.encode(seen)).hexdigest()[:16], fields, raw)


def _key(one: Any, title: str, published: datetime | None) -> str:
    given = one.get("id") or one.get("link") or hashlib.sha256(f"{title}\n{published}".encode()).hexdigest()[:32]
    text = "".join(character for character in str(given).strip() if character.isprintable())
    return text if 0 < len(text) <= MAX_GUID else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _body(one: Any) -> Any:
    content = one.get("content")
    if isinstance(content, list) and content:
        return content[0].get("value")
    return one.get("summary")


def _plain(value: Any) -> str:
    return text_of(value) if isinstance(value, str) else ""


def _media(one: Any) -> list[str]:
    held = [*(one.get("enclosures") or []), *(one.get("media_content") or [])]
    addresses = [link.get("href") or link.get("url") for link in held]
    return [address for address in dict.fromkeys(addresses) if isinstance(address, str) and 0 < len(address) <= 300]


def _time(one: Any, *names: str) -> datetime | None:
    """Return the first of the parsed times; the library gives them in UTC."""
    for name in names:
        parsed = dict.get(one, name)  # the library's own look-up takes one time for the other, and warns
        if parsed:
            try:
                year, month, day, hour, minute, second = parsed[:6]
                return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
            except (ValueError, TypeError):
                continue
    return None
