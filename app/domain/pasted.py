"""The address of a post as somebody copied it from a browser -> whose post it is, and the id under which we would know it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from app.domain.posts import MAX_ID, parse_line
from app.errors import UserError
from app.messages import Post, Quarantined

X_EPOCH = datetime(
    2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC
)  # an id of X holds the milliseconds since then, above 22 bits
FIRST_TIMED = 1 << 38  # ids before X's present form of ids tell no time
_ADDRESS = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#:@]+)(?::\d+)?([^?#]*)", re.IGNORECASE)
_SITES = (
    ("x", re.compile(r"(?:(?:www|mobile)\.)?(?:x|twitter)\.com"), re.compile(r"/(?P<author>\w+)/status/(?P<id>\d+)")),
    ("telegram", re.compile(r"t\.me"), re.compile(r"/(?:s/)?(?P<author>\w+)/(?P<id>\d+)")),
    ("bluesky", re.compile(r"bsky\.app"), re.compile(r"/profile/(?P<author>[^/]+)/post/(?P<id>\w+)")),
)


def post_at(url: str) -> Mapping[str, str]:
    """Return the fields of a post line that its address tells: id, platform, author, url, and created_at where the id holds it.

    An address of no platform that we know is a page of the web, by its host; what is no http address tells nothing.
    """
    found = _ADDRESS.match(url.strip())
    if found is None:
        return {}
    host, path = found[1].lower(), found[2]
    for platform, hosts, form in _SITES:
        post = form.match(path) if hosts.fullmatch(host) else None
        if post is not None:
            return {"platform": platform, "url": url.strip(), **_known(platform, post["author"], post["id"])}
    address = f"{host}{path}"
    native = address if len(address) <= MAX_ID else hashlib.sha256(address.encode()).hexdigest()
    return {"platform": "web", "id": native, "author": host.removeprefix("www."), "url": url.strip()}


def line_of(given: Mapping[str, object], now: datetime) -> tuple[str, Post]:
    """Return the post line of a post that a person hands in, and the post as it will be read; UserError where it cannot be one.

    `given` are fields of a post line. Without an id the `url` tells it, with platform and author; `created_at` is `now` where nothing does.
    """
    fields = {key: value for key, value in given.items() if value is not None}
    told = {} if "id" in fields else post_at(str(fields.get("url", "")))
    fields = {"created_at": now, "platform": "inbox", **told, **fields}
    for needed in ("id", "author"):
        if not fields.get(needed):
            raise UserError(f"say whose post it is and which: {needed} is missing, and no url tells it")
    if fields.get("type") != "delete" and not any(fields.get(key) for key in ("text", "repost_of", "media")):
        raise UserError("a post without words tells nothing: text is missing")
    line = msgspec.json.encode(fields)
    read = parse_line(line, received_at=now)
    if not isinstance(read, Post):
        raise UserError(f"this cannot be a post: {read.detail if isinstance(read, Quarantined) else 'it is no post'}")
    return line.decode(), read


def _known(platform: str, author: str, native: str) -> dict[str, str]:
    """Return id and author in the form in which the platform's own producer gives them."""
    if platform == "telegram":
        return {"id": f"telegram:{author}/{native}", "author": author}
    if platform == "bluesky":
        return {"id": f"{author}/{native}", "author": author}
    fields = {"id": native} if author == "i" else {"id": native, "author": author}  # x.com/i/status/...: any author
    if FIRST_TIMED < int(native) < 1 << 63:
        fields["created_at"] = (X_EPOCH + timedelta(milliseconds=int(native) >> 22)).isoformat()
    return fields
