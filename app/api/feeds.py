"""/feeds: alerts as Atom, as CAP 1.2, and everything as CSV: for readers that know no API of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import csv_safe
from app.api.auth import READ
from app.api.cap import MEDIA_TYPE as CAP
from app.api.cap import Chain, cap_message, put
from app.api.deps import Resources, Serving
from app.api.openapi import errors
from app.api.paging import cache_headers, etag_of, unchanged
from app.api.polling import unchanged_since
from app.api.problems import Problem
from app.db import alerts, incidents, meta
from app.db.alerts import AlertFilter, StoredAlert
from app.db.meta import Standing

router = APIRouter(prefix="/feeds", tags=["feeds"], dependencies=READ)

ATOM = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"
ATOM_TYPE = "application/atom+xml"
SHOWN = 100  # alerts in a feed: readers come back often enough
BATCH = 500
ALERT_COLUMNS = [
    "number",
    "id",
    "created_at",
    "watch",
    "step",
    "level",
    "headline",
    "incident",
    "kind",
    "place",
    "country",
    "lat",
    "lon",
    "radius_km",
    "posts",
    "origins",
    "quiet_days",
    "reasons",
    "post",
]
INCIDENT_COLUMNS = [
    "id",
    "kind",
    "level",
    "state",
    "place",
    "country",
    "lat",
    "lon",
    "radius_km",
    "confidence",
    "actors",
    "first_at",
    "last_at",
    "posts",
    "origins",
    "killed_min",
    "killed_max",
    "wounded_min",
    "wounded_max",
    "quiet_days",
    "related",
    "reasons",
]


class FeedQuery(BaseModel):
    """Which alerts."""

    model_config = ConfigDict(extra="forbid")

    watch: Annotated[str | None, Field(max_length=200)] = None


def _text(media: str, line: str) -> dict[str, object]:
    return {"description": line, "content": {media: {"schema": {"type": "string"}}}}


@router.get(
    "/alerts.atom",
    summary="The newest alerts as an Atom feed",
    responses={200: _text(ATOM_TYPE, "the feed"), 304: {"description": "unchanged"}, **errors(503)},
)
async def atom(request: Request, resources: Resources, query: Annotated[FeedQuery, Query()]) -> Response:
    """With the place of each as GeoRSS. Poll with the ETag."""
    return await _feed(request, resources, query, with_cap=False)


@router.get(
    "/alerts.cap",
    summary="The newest alerts as CAP 1.2 messages in an Atom feed",
    responses={200: _text(ATOM_TYPE, "the feed"), 304: {"description": "unchanged"}, **errors(503)},
)
async def cap(request: Request, resources: Resources, query: Annotated[FeedQuery, Query()]) -> Response:
    """Each entry holds the message; `/feeds/alerts/{id}.cap` gives it alone. An update or cancellation refers to what it replaces."""
    return await _feed(request, resources, query, with_cap=True)


@router.get(
    "/alerts/{alert_id}.cap",
    summary="One alert as a CAP 1.2 message",
    responses={200: _text(CAP, "the message"), **errors(404, 503)},
)
async def one_cap(resources: Resources, alert_id: str) -> Response:
    """Exercises are found here too, with status Exercise."""
    async with resources.database.read() as session:
        found = await alerts.by_id(session, alert_id)
        if found is None:
            raise Problem(404, "There is no alert with this id.")
        before = await _before(session, found)
    return _xml(cap_message(Chain(found, before), demo=resources.settings.demo), CAP)


@router.get("/alerts.csv", summary="All alerts as CSV", responses={200: _text("text/csv", "the table"), **errors(503)})
async def alerts_csv(resources: Resources) -> Response:
    """Every alert that is kept, oldest first. No cell is taken for a formula."""
    return _csv("alerts", _alert_lines(resources), demo=resources.settings.demo)


@router.get(
    "/incidents.csv", summary="All incidents as CSV", responses={200: _text("text/csv", "the table"), **errors(503)}
)
async def incidents_csv(resources: Resources) -> Response:
    """Every incident in the order of its last change. No cell is taken for a formula."""
    return _csv("incidents", _incident_lines(resources), demo=resources.settings.demo)


async def _feed(request: Request, resources: Serving, query: FeedQuery, *, with_cap: bool) -> Response:
    now = resources.clock.now()
    if (same := unchanged_since(request, "alert", now, cursor=None)) is not None:
        return same
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        etag = etag_of(standing, standing.alert, now)
        if (same := unchanged(request, etag)) is not None:
            return same
        rows = await alerts.newest(session, limit=SHOWN, wanted=AlertFilter(watch=query.watch))
        chains = [
            Chain(row, await _before(session, row) if with_cap and row.message.step != "first" else ()) for row in rows
        ]
    root = _head(standing, rows, str(request.url_for("cap" if with_cap else "atom").path), demo=resources.settings.demo)
    for chain in reversed(chains):
        entry = _entry(root, chain.alert)
        if with_cap:
            link = {"rel": "alternate", "type": CAP, "href": f"/feeds/alerts/{chain.alert.message.id}.cap"}
            SubElement(entry, f"{{{ATOM}}}link", link)
            content = SubElement(entry, f"{{{ATOM}}}content", {"type": CAP})
            content.append(cap_message(chain, demo=resources.settings.demo))
    headers = cache_headers(etag)
    if rows:
        headers["Last-Modified"] = rows[-1].stored_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return _xml(root, ATOM_TYPE, headers)


async def _before(session: AsyncSession, row: StoredAlert) -> list[StoredAlert]:
    told = AlertFilter(watch=row.message.watch, incident=row.message.incident, exercise=True)
    return [one for one in await alerts.after(session, 0, limit=BATCH, wanted=told) if one.seq < row.seq]


def _head(standing: Standing, rows: list[StoredAlert], path: str, *, demo: bool) -> Element:
    root = Element(f"{{{ATOM}}}feed")
    put(root, "id", f"urn:watchdesk:alerts:{standing.epoch}", ATOM)
    put(root, "title", "DEMO: watchdesk alerts (invented)" if demo else "watchdesk alerts", ATOM)
    put(root, "updated", _moment(rows[-1]) if rows else "1970-01-01T00:00:00Z", ATOM)
    put(SubElement(root, f"{{{ATOM}}}author"), "name", "watchdesk", ATOM)
    SubElement(root, f"{{{ATOM}}}link", {"rel": "self", "href": path})
    return root


def _entry(root: Element, stored: StoredAlert) -> Element:
    alert, where = stored.message, stored.incident.place
    entry = SubElement(root, f"{{{ATOM}}}entry")
    put(entry, "id", f"urn:watchdesk:alert:{alert.id}", ATOM)
    put(entry, "title", f"[{alert.level}, {alert.step}] {alert.headline}", ATOM)
    put(entry, "updated", _moment(stored), ATOM)
    put(entry, "published", alert.created_at.isoformat().replace("+00:00", "Z"), ATOM)
    SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "type": "text/html", "href": f"/#alert-{alert.id}"})
    SubElement(
        entry, f"{{{ATOM}}}link", {"rel": "alternate", "type": "application/json", "href": f"/v1/alerts/{alert.id}"}
    )
    SubElement(entry, f"{{{ATOM}}}category", {"term": alert.level, "label": "level"})
    summary = [
        f"Origins: {', '.join(alert.origins)}.",
        f"{where.name} ({where.country}), within {where.radius_km:g} km.",
        *alert.reasons,
    ]
    put(entry, "summary", "\n".join(summary), ATOM)
    put(entry, "point", f"{where.lat:.5f} {where.lon:.5f}", GEORSS)
    put(entry, "radius", f"{where.radius_km * 1000:.0f}", GEORSS)
    return entry


def _moment(stored: StoredAlert) -> str:
    return stored.stored_at.isoformat().replace("+00:00", "Z")


def _xml(root: Element, media: str, headers: dict[str, str] | None = None) -> Response:
    register_namespace("", ATOM if media == ATOM_TYPE else "urn:oasis:names:tc:emergency:cap:1.2")
    register_namespace("georss", GEORSS)
    body = tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type=f"{media}; charset=utf-8", headers=headers)


def _csv(name: str, lines: AsyncIterator[str], *, demo: bool) -> Response:
    file = f"{'DEMO-' if demo else ''}watchdesk-{name}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _alert_lines(resources: Serving) -> AsyncIterator[str]:
    yield csv_safe.BOM + csv_safe.line(ALERT_COLUMNS)
    at = 0
    while True:
        async with resources.database.read() as session:
            rows = await alerts.after(session, at, limit=BATCH)
        for row in rows:
            alert, where = row.message, row.incident.place
            yield csv_safe.line([
                row.seq, alert.id, alert.created_at, alert.watch, alert.step, alert.level, alert.headline, alert.incident,
                row.incident.kind, where.name, where.country, where.lat, where.lon, where.radius_km, alert.posts,
                "; ".join(alert.origins), alert.quiet_days, " | ".join(alert.reasons), alert.post,
            ])  # fmt: skip
        if len(rows) < BATCH:
            return
        at = rows[-1].seq


async def _incident_lines(resources: Serving) -> AsyncIterator[str]:
    yield csv_safe.BOM + csv_safe.line(INCIDENT_COLUMNS)
    at = 0
    while True:
        async with resources.database.read() as session:
            rows = await incidents.after(session, at, limit=BATCH)
        for row in rows:
            view, where = row.view, row.view.place
            yield csv_safe.line([
                view.id, view.kind, view.level, view.state, where.name, where.country, where.lat, where.lon, where.radius_km,
                where.confidence, "; ".join(view.actors), view.first_at, view.last_at, len(view.posts), "; ".join(view.origins),
                *(view.killed or (None, None)), *(view.wounded or (None, None)), view.quiet_days, len(view.related),
                " | ".join(view.reasons),
            ])  # fmt: skip
        if len(rows) < BATCH:
            return
        at = rows[-1].change_no
