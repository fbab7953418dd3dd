"""/v1/incidents: what happened, to poll by cursor, as JSON or GeoJSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayAck
from app.api.deps import Resources
from app.api.fields import Moment, Number
from app.api.openapi import answers, errors
from app.api.paging import Cursor, cache_headers, check_cursor, etag_of, link_next, unchanged
from app.api.polling import unchanged_since
from app.api.problems import Problem
from app.api.schemas import (
    ActionAnswer,
    ActionView,
    Feature,
    FeatureCollection,
    IncidentDetail,
    IncidentPage,
    Point,
    PostBrief,
    Properties,
)
from app.api.writes import Done, need_json, write
from app.db import alerts, incidents, meta, posts
from app.db.actions import press
from app.db.alerts import AlertFilter
from app.db.incidents import IncidentFilter, PostInIncident
from app.db.session import WriteSession
from app.domain.actions import MUTE_HOURS, MUTE_HOURS_MAX, Press
from app.domain.rights import shown_text, withheld
from app.messages import IncidentView

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

GEOJSON = "application/geo+json"
AS_GEOJSON = {GEOJSON: {"schema": {"$ref": "#/components/schemas/FeatureCollection"}, "example": examples.FEATURES}}
ALERTS_SHOWN = 500
Kind = Literal[
    "air_strike",
    "shelling",
    "armed_clash",
    "chemical_weapon",
    "suicide_bomb",
    "remote_explosive",
    "attack_on_civilians",
    "abduction",
    "protest",
    "explosion_unspecified",
    "other_event",
]


ActionName = Literal[
    "acknowledge",
    "unacknowledge",
    "confirm",
    "unconfirm",
    "dismiss",
    "undismiss",
    "withdraw",
    "unwithdraw",
    "mute",
    "unmute",
]


class IncidentQuery(BaseModel):
    """Which incidents, from where, in which form."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str | None, Field(max_length=80, description="Where you stand: `next` of the page before.")] = (
        None
    )
    start: Annotated[
        Literal["oldest", "newest"], Field(description="Without a cursor: the first page, or the last `limit` changed.")
    ] = "oldest"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    level: Literal["reported", "likely", "confirmed"] | None = None
    kind: Kind | None = None
    state: Literal["open", "dismissed", "withdrawn", "merged"] | None = None
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1, two letters.")] = None
    since: Annotated[Moment | None, Field(description="Only with a report at or after it.")] = None
    bbox: Annotated[
        str | None, Field(max_length=100, pattern=r"^-?[0-9.]+(,-?[0-9.]+){3}$", description="west,south,east,north")
    ] = None
    format: Annotated[Literal["json", "geojson"] | None, Field(description="Or by `Accept`.")] = None

    def wanted(self) -> IncidentFilter:
        since: datetime | None = self.since
        return IncidentFilter(self.level, self.kind, self.state, self.country, since, self._box())

    def _box(self) -> tuple[float, float, float, float] | None:
        if self.bbox is None:
            return None
        try:
            west, south, east, north = (float(part) for part in self.bbox.split(","))
        except ValueError:
            raise Problem(422, "bbox: four numbers, west,south,east,north", field="bbox") from None
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
            raise Problem(
                422, "bbox: longitudes within 180 degrees, latitudes within 90, south below north", field="bbox"
            )
        return west, south, east, north


@router.get(
    "",
    dependencies=READ,
    summary="Incidents, in the order of their last change",
    responses={
        200: answers(IncidentPage, examples.INCIDENT_PAGE, others=AS_GEOJSON),
        304: {"description": "unchanged"},
        **errors(400, 410, 422, 503),
    },
)
async def list_incidents(request: Request, resources: Resources, query: Annotated[IncidentQuery, Query()]) -> Response:
    """Follow `next` to see each incident again whenever it changes. Exercises are left out."""
    now, wanted = resources.clock.now(), query.wanted()
    geojson = query.format == "geojson" or (query.format is None and GEOJSON in request.headers.get("accept", ""))
    if (same := unchanged_since(request, "incident", now, cursor=query.cursor)) is not None:
        return same
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        at = check_cursor(query.cursor, standing) if query.cursor is not None else None
        etag = etag_of(standing, standing.incident, now)
        if (same := unchanged(request, etag)) is not None:
            return same
        if at is None and query.start == "newest":
            rows = await incidents.newest(session, limit=query.limit, wanted=wanted)
        else:
            rows = await incidents.after(session, at.number if at else 0, limit=query.limit + 1, wanted=wanted)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    reached = rows[-1].change_no if more else max(standing.incident, at.number if at else 0)
    following = Cursor(standing.epoch, reached)
    views = [row.view for row in rows]
    ending = (str(following), more, standing.stale_since(now), resources.settings.demo)
    page = FeatureCollection([_feature(view) for view in views], *ending) if geojson else IncidentPage(views, *ending)
    headers = cache_headers(etag) | {"Link": link_next(request, following, query.model_dump(mode="json"))}
    return Response(msgspec.json.encode(page), media_type=GEOJSON if geojson else "application/json", headers=headers)


class ActionBody(BaseModel):
    """What to do, and why. `hours` counts for `mute`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.ACTION_ASK]})

    action: ActionName
    why: Annotated[str, Field(max_length=1_000)] = ""
    hours: Annotated[Number, Field(gt=0, le=MUTE_HOURS_MAX)] = MUTE_HOURS


@router.post(
    "/{incident_id}/actions",
    dependencies=[Depends(need_json)],
    summary="Act as an editor",
    responses={200: answers(ActionAnswer, examples.ACTION_ANSWER), **errors(404, 409, 413, 415, 503)},
)
async def act_on_incident(
    request: Request, resources: Resources, caller: MayAck, incident_id: str, given: ActionBody
) -> Response:
    """Everyone who was alerted is told what a withdrawal, dismissal or confirmation changes. Each action is undone by its opposite."""

    async def work(writing: WriteSession) -> Done:
        pressed = Press(given.action, caller.name, resources.clock.now(), given.why, given.hours)
        acted = await press(writing, incident_id, pressed, resources.settings.config.desk)
        return Done(200, ActionAnswer(acted.incident, list(acted.alerts)))

    return await write(request, resources, caller, work)


@router.get(
    "/{incident_id}",
    dependencies=READ,
    summary="One incident with its posts, alerts and what editors did",
    responses={200: answers(IncidentDetail, examples.INCIDENT_DETAIL), **errors(404, 422, 503)},
)
async def get_incident(resources: Resources, incident_id: str) -> Response:
    """Everything about one incident. Exercises are found here too, marked as such."""
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        found = await incidents.by_id(session, incident_id)
        if found is None:
            raise Problem(404, "There is no incident with this id.")
        members = await incidents.posts_of(session, incident_id)
        rights = await posts.rights_of(session)
        raised = await alerts.newest(
            session, limit=ALERTS_SHOWN, wanted=AlertFilter(incident=incident_id, exercise=True)
        )
        actions = await incidents.actions_on(session, incident_id)
    detail = IncidentDetail(
        **{name: getattr(found.view, name) for name in IncidentView.__struct_fields__},
        exercise=found.exercise,
        post_details=[_brief(post, rights.of(post.source)) for post in members],
        alerts=[one.message for one in raised],
        actions=[ActionView(*one) for one in actions],
        stale_since=standing.stale_since(resources.clock.now()),
        demo=resources.settings.demo,
    )
    return Response(msgspec.json.encode(detail), media_type="application/json")


def _feature(view: IncidentView) -> Feature:
    where = view.place
    title = f"{view.kind.replace('_', ' ')}, {where.name}"
    return Feature(view.id, Point((where.lon, where.lat)), Properties(view, where.radius_km, title))


def _brief(post: PostInIncident, rights: str) -> PostBrief:
    deleted = post.deleted_at is not None
    return PostBrief(
        id=post.post_id,
        given_id=post.given_id,
        role=post.role,
        platform=post.platform,
        author=post.author,
        author_name=post.author_name,
        created_at=post.created_at,
        seen_at=post.seen_at,
        deleted_at=post.deleted_at,
        text=shown_text(post.text, rights, deleted=deleted),
        withheld=withheld(rights, deleted=deleted),
        lang=post.lang,
        url=post.url,
    )
