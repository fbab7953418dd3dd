"""/v1/alerts: the decisions, to poll by cursor or to follow as a stream."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayRead
from app.api.deps import Resources
from app.api.openapi import answers, errors
from app.api.paging import Cursor, cache_headers, check_cursor, etag_of, link_next, parse_cursor, unchanged
from app.api.polling import unchanged_since
from app.api.problems import Problem
from app.api.schemas import AlertDetail, AlertPage
from app.api.streaming import AlertStream
from app.api.tail import Tail
from app.db import alerts, meta
from app.db.alerts import AlertFilter
from app.errors import Unavailable

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])

MAX_CLIENTS = 2_000  # open streams per process
MAX_PER_KEY = 50


class AlertQuery(BaseModel):
    """Which alerts, from where."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str | None, Field(max_length=80, description="Where you stand: `next` of the page before.")] = (
        None
    )
    start: Annotated[
        Literal["oldest", "newest"], Field(description="Without a cursor: the first page, or the last `limit` alerts.")
    ] = "oldest"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    watch: Annotated[str | None, Field(max_length=200, description="Only alerts of this watch.")] = None
    level: Annotated[Literal["reported", "likely", "confirmed"] | None, Field(description="Only of this level.")] = None
    incident: Annotated[str | None, Field(max_length=40, description="Only about this incident.")] = None

    def wanted(self) -> AlertFilter:
        return AlertFilter(self.watch, self.level, self.incident)


class StreamQuery(BaseModel):
    """From where to follow, and what."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[
        str | None, Field(max_length=80, description="As the header Last-Event-ID, which goes before it.")
    ] = None
    watch: Annotated[str | None, Field(max_length=200)] = None
    level: Literal["reported", "likely", "confirmed"] | None = None


@router.get(
    "",
    dependencies=READ,
    summary="Alerts, oldest first",
    responses={
        200: answers(AlertPage, examples.ALERT_PAGE),
        304: {"description": "unchanged"},
        **errors(400, 410, 422, 503),
    },
)
async def list_alerts(request: Request, resources: Resources, query: Annotated[AlertQuery, Query()]) -> Response:
    """Poll by following `next`: no alert is ever skipped or repeated. Send the ETag back as `If-None-Match`: 304 while nothing is new.

    Exercises are left out. A cursor that can no longer be read on from is 410, never a silent gap.
    """
    now = resources.clock.now()
    if (same := unchanged_since(request, "alert", now, cursor=query.cursor)) is not None:
        return same
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        at = check_cursor(query.cursor, standing, standing.alerts_gone) if query.cursor is not None else None
        etag = etag_of(standing, standing.alert, now)
        if (same := unchanged(request, etag)) is not None:
            return same
        if at is None and query.start == "newest":
            rows = await alerts.newest(session, limit=query.limit, wanted=query.wanted())
        else:
            begin = standing.alerts_gone if at is None else at.number
            rows = await alerts.after(session, begin, limit=query.limit + 1, wanted=query.wanted())
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    reached = rows[-1].seq if more else max(standing.alert, at.number if at else 0)
    following = Cursor(standing.epoch, reached)
    page = AlertPage(
        [row.message for row in rows], str(following), more, standing.stale_since(now), resources.settings.demo
    )
    headers = cache_headers(etag) | {"Link": link_next(request, following, query.model_dump())}
    if rows:
        headers["Last-Modified"] = rows[-1].stored_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Response(msgspec.json.encode(page), media_type="application/json", headers=headers)


@router.get(
    "/stream",
    summary="Alerts as they are raised (Server-Sent Events)",
    responses={
        200: {
            "description": "events `alert`, `state` and `reset`",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **errors(400, 422, 429, 503),
    },
)
async def stream_alerts(
    request: Request,
    resources: Resources,
    caller: MayRead,
    query: Annotated[StreamQuery, Query()],
    last_event_id: Annotated[str | None, Header(max_length=80)] = None,
) -> Response:
    """Follow from `Last-Event-ID` or `?after=`, or from now on.

    `event: alert` carries an alert, its id is the cursor after it. `event: reset` says that your cursor cannot be read on from and why:
    fetch what you show anew, then go on from its id. `event: state` says since when nothing came in. A comment comes every 15 s.
    """
    tail: Tail = request.app.state.tail
    given = last_event_id or query.after
    start = parse_cursor(given) if given else None
    if not tail.alive:
        raise Unavailable("stream of alerts", "its reader has stopped")
    if tail.clients >= MAX_CLIENTS or (not caller.local and tail.clients_of[caller.id] >= MAX_PER_KEY):
        raise Problem(429, "Too many open streams.", headers={"Retry-After": "30"})
    events = tail.follow(start, AlertFilter(query.watch, query.level), caller.id)
    return AlertStream(events, resources.clock, resources.metrics.http)


@router.get(
    "/{alert_id}",
    dependencies=READ,
    summary="One alert",
    responses={200: answers(AlertDetail, examples.ALERT_DETAIL), **errors(404, 422, 503)},
)
async def get_alert(resources: Resources, alert_id: str) -> Response:
    """The alert, and the incident as it stood when the alert was raised. Exercises are found here too, marked as such."""
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        found = await alerts.by_id(session, alert_id)
    if found is None:
        raise Problem(404, "There is no alert with this id.")
    detail = AlertDetail(
        **msgspec.structs.asdict(found.message),
        cursor=str(Cursor(standing.epoch, found.seq)),
        stored_at=found.stored_at,
        exercise=found.exercise,
        incident_then=found.incident,
        stale_since=standing.stale_since(resources.clock.now()),
        demo=resources.settings.demo,
    )
    return Response(msgspec.json.encode(detail), media_type="application/json")
