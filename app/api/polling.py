"""The cheap end of most polls: nothing changed, told without asking the database."""

from __future__ import annotations

from datetime import datetime

from fastapi import Request, Response

from app.api.paging import etag_of, gone, parse_cursor, unchanged
from app.api.tail import Tail


def unchanged_since(request: Request, newest: str, now: datetime, *, cursor: str | None) -> Response | None:
    """Return the 304 where the tail knows that it is one. `newest` names the number of the standing that the listing depends on."""
    tail: Tail = request.app.state.tail
    standing = tail.standing() if "if-none-match" in request.headers else None
    if standing is None or (cursor is not None and gone(parse_cursor(cursor), standing, standing.alerts_gone)):
        return None
    return unchanged(request, etag_of(standing, getattr(standing, newest), now))
