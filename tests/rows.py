"""Rows of the store with plain values, for tests that read what the desk would have written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.db.models import Alert, Incident, IncidentPost, Offset, Post, Revision
from app.db.session import Database
from app.messages import AlertMessage, IncidentView, PlaceView, Tags

NOON = datetime(2018, 9, 4, 12, tzinfo=UTC)


def place(**change: Any) -> PlaceView:
    given: dict[str, Any] = {
        "place_id": "gn:168803",
        "name": "Jisr al-Shughur",
        "country": "SY",
        "lat": 35.8146,
        "lon": 36.3213,
        "radius_km": 3.0,
        "confidence": 0.9,
    }
    return PlaceView(**(given | change))


def view(number: int = 1, **change: Any) -> IncidentView:
    given: dict[str, Any] = {
        "id": f"i{number}",
        "kind": "air_strike",
        "place": place(),
        "actors": ("RuAF",),
        "first_at": NOON,
        "last_at": NOON + timedelta(minutes=number),
        "level": "reported",
        "state": "open",
        "posts": (f"{number}",),
        "origins": ("Ward",),
        "killed": None,
        "wounded": None,
        "quiet_days": 22,
        "related": (),
        "reasons": ("one origin: Ward",),
    }
    return IncidentView(**(given | change))


def message(number: int = 1, **change: Any) -> AlertMessage:
    given: dict[str, Any] = {
        "id": f"a{number}",
        "incident": f"i{number}",
        "watch": "all",
        "step": "first",
        "level": "reported",
        "headline": f"Air strike near Jisr al-Shughur ({number})",
        "created_at": NOON + timedelta(minutes=number),
        "post": f"x:{number}",
        "posts": 1,
        "origins": ("Ward",),
        "quiet_days": 22,
        "reasons": ("the first report",),
    }
    return AlertMessage(**(given | change))


def alert_row(
    seq: int, alert: AlertMessage | None = None, incident: IncidentView | None = None, **change: Any
) -> Alert:
    one = alert or message(seq)
    given: dict[str, Any] = {
        "seq": seq,
        "id": one.id,
        "incident_id": one.incident,
        "watch": one.watch,
        "step": one.step,
        "level": one.level,
        "created_at": one.created_at,
        "stored_at": NOON + timedelta(minutes=seq),
        "exercise": False,
        "body": one,
        "incident_view": incident or view(seq, id=one.incident),
    }
    return Alert(**(given | change))


def incident_row(change_no: int, incident: IncidentView | None = None, **change: Any) -> Incident:
    one = incident or view(change_no)
    given: dict[str, Any] = {
        "id": one.id,
        "kind": one.kind,
        "country": one.place.country,
        "lat": one.place.lat,
        "lon": one.place.lon,
        "first_at": one.first_at,
        "last_at": one.last_at,
        "level": one.level,
        "state": one.state,
        "exercise": False,
        "view": one,
        "body": "{}",
        "change_no": change_no,
        "stored_at": NOON,
    }
    return Incident(**(given | change))


def post_row(native: str, **change: Any) -> Post:
    given: dict[str, Any] = {
        "id": f"x:{native}",
        "given_id": native,
        "platform": "x",
        "author": "ward",
        "author_name": "Ward",
        "source": "x:ward",
        "created_at": NOON,
        "seen_at": NOON,
        "stored_at": NOON,
        "revised_at": NOON,
        "deleted_at": None,
        "content_hash": "0" * 64,
        "text": "Jets over the town",
        "lang": "en",
        "url": None,
        "repost_of": None,
        "quote_of": None,
        "reply_to": None,
        "media": [],
        "flags": [],
        "marks": [],
        "tags": Tags(lang="en", kind="air_strike", claim="report"),
        "ingest": f"spool:{native}",
        "change_no": 1,
    }
    return Post(**(given | change))


def revision_row(native: str, text: str, minutes: int = 0) -> Revision:
    at = NOON + timedelta(minutes=minutes)
    return Revision(
        post_id=f"x:{native}", revised_at=at, content_hash=f"{minutes:064}", text=text, seen_at=at, tags=Tags(lang="en")
    )


def member_row(incident_id: str, native: str, role: str = "report", ordinal: int = 0) -> IncidentPost:
    return IncidentPost(incident_id=incident_id, post_id=f"x:{native}", ordinal=ordinal, role=role)


def offset_row(moved_at: datetime) -> Offset:
    return Offset(topic="watchdesk.tagged.v1", partition=0, next=1, owner="o", last_ingest=None, moved_at=moved_at)


async def store(database: Database, *rows: object) -> None:
    """Write rows in their order, as one transaction."""
    async with database.write() as writing:
        for row in rows:
            writing.session.add(row)
            await writing.session.flush()
