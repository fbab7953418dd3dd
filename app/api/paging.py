"""Reading on from where one stood: cursors, page links, and answers that say "nothing changed"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request, Response

from app.api.problems import Problem, shown
from app.db.meta import Standing

MAX_NUMBER = 2**63 - 1
_CURSOR = re.compile(r"([0-9a-f]{4,32})\.([0-9]{1,19})", re.ASCII)


class Cursor(NamedTuple):
    """How far a reader has come: `<epoch>.<number>`. The epoch is new when a database is created or restored."""

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}"


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that `text` holds; 400 where it holds none."""
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[2]) > MAX_NUMBER:
        raise Problem(
            400, f"{shown(text)!r} is no cursor of ours: pass back what `next` held.", code="bad_cursor", field="cursor"
        )
    return Cursor(found[1], int(found[2]))


def gone(cursor: Cursor, standing: Standing, oldest: int) -> str | None:
    """Return why a reader at `cursor` cannot simply read on; None where it can. `oldest`: up to which number rows were forgotten."""
    if cursor.epoch != standing.epoch:
        return "the database was restored or replaced since"
    if cursor.number > standing.number:
        return "it is ahead of everything that was ever stored here"
    return "what follows it is no longer kept" if cursor.number < oldest else None


def check_cursor(text: str, standing: Standing, oldest: int = 0) -> Cursor:
    """Return the cursor; 400 where it is none, 410 with the oldest that works where reading on would leave a gap."""
    cursor = parse_cursor(text)
    why = gone(cursor, standing, oldest)
    if why is None:
        return cursor
    code = "cursor_too_old" if cursor.epoch == standing.epoch and cursor.number < oldest else "foreign_cursor"
    again = Cursor(standing.epoch, oldest)
    raise Problem(
        410, f"This cursor cannot be read on from: {why}. Start again at {again}.", code=code, oldest=str(again)
    )


def etag_of(standing: Standing, newest: int, now: datetime) -> str:
    """Return the weak tag of a listing: it changes with what is stored, and when the answer turns stale."""
    since = standing.stale_since(now)
    stale = "" if since is None else f"-{int(since.timestamp())}"
    return f'W/"{standing.epoch}-{newest}-{standing.alerts_gone}{stale}"'


def unchanged(request: Request, etag: str) -> Response | None:
    """Return the 304 where the caller holds this very answer already."""
    given = request.headers.get("if-none-match")
    if given is None:
        return None
    tags = {tag.strip() for tag in given.split(",")}
    if "*" in tags or etag in tags or etag.removeprefix("W/") in tags:
        return Response(status_code=304, headers=cache_headers(etag))
    return None


def cache_headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": "private, max-age=0, must-revalidate", "Vary": "Accept, Authorization"}


def link_next(request: Request, cursor: Cursor, given: Mapping[str, object]) -> str:
    """Return the Link header that leads on, with the caller's own filters."""
    kept = {key: value for key, value in given.items() if value is not None and key not in {"cursor", "start"}}
    return f'<{request.url.path}?{urlencode({**kept, "cursor": str(cursor)})}>; rel="next"'
