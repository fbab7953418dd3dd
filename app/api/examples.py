"""What answers look like, for the API's own description: invented, and checked against the types by a test."""

from __future__ import annotations

from typing import Any

EPOCH = "9f2c41d07ab3"

PLACE = {
    "place_id": "gn:168803",
    "name": "Jisr al-Shughur",
    "country": "SY",
    "lat": 35.8146,
    "lon": 36.3213,
    "radius_km": 3.0,
    "confidence": 0.91,
}
ALERT: dict[str, Any] = {
    "id": "3b1f5a0c9e7d4a21",
    "incident": "c0ffee5a1d2b3c4d",
    "watch": "Idlib strikes",
    "step": "first",
    "level": "reported",
    "headline": "Air strike near Jisr al-Shughur, Syria: Russian Air Force, first in 22 days",
    "created_at": "2018-09-04T09:31:12Z",
    "post": "1036901234567890123",
    "posts": 1,
    "origins": ["Northern Sky Watch"],
    "quiet_days": 22,
    "reasons": ["one origin: Northern Sky Watch", "first air strike within 15 km in 22 days, the last on 13 August"],
}
INCIDENT: dict[str, Any] = {
    "id": "c0ffee5a1d2b3c4d",
    "kind": "air_strike",
    "place": PLACE,
    "actors": ["RuAF"],
    "first_at": "2018-09-04T09:31:12Z",
    "last_at": "2018-09-04T10:02:40Z",
    "level": "likely",
    "state": "open",
    "posts": ["1036901234567890123", "1036908876543210987"],
    "origins": ["Northern Sky Watch", "Orontes Rescue"],
    "killed": [2, 4],
    "wounded": None,
    "quiet_days": 22,
    "related": ["1036911112222333344"],
    "reasons": ["two independent origins, one of them of grade B"],
}
_STANDING = {"stale_since": None, "demo": False}
ALERT_PAGE = {"items": [ALERT], "next": f"{EPOCH}.4711", "more": False, **_STANDING}
ALERT_DETAIL = {
    **ALERT,
    "cursor": f"{EPOCH}.4711",
    "stored_at": "2018-09-04T09:31:13Z",
    "exercise": False,
    "incident_then": INCIDENT | {"level": "reported", "origins": ["Northern Sky Watch"]},
    **_STANDING,
}
INCIDENT_PAGE = {"items": [INCIDENT], "next": f"{EPOCH}.4713", "more": False, **_STANDING}
FEATURES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": INCIDENT["id"],
            "geometry": {"type": "Point", "coordinates": [PLACE["lon"], PLACE["lat"]]},
            "properties": {"incident": INCIDENT, "radius_km": 3.0, "title": "air_strike, Jisr al-Shughur"},
        }
    ],
    "next": f"{EPOCH}.4713",
    "more": False,
    **_STANDING,
}
POST_BRIEF = {
    "id": "x:1036901234567890123",
    "given_id": "1036901234567890123",
    "role": "report",
    "platform": "x",
    "author": "nskywatch",
    "author_name": "Northern Sky Watch",
    "created_at": "2018-09-04T09:31:12Z",
    "seen_at": "2018-09-04T09:31:12Z",
    "deleted_at": None,
    "text": "RuAF jets over Jisr al-Shughur, two strikes on the western edge",
    "withheld": None,
    "lang": "en",
    "url": None,
}
INCIDENT_DETAIL = {
    **INCIDENT,
    "exercise": False,
    "post_details": [POST_BRIEF],
    "alerts": [ALERT],
    "actions": [{"at": "2018-09-04T10:10:00Z", "who": "night desk", "action": "ack", "why": "calling the hospital"}],
    **_STANDING,
}
POST_DETAIL = {
    **{key: value for key, value in POST_BRIEF.items() if key != "role"},
    "source": "x:nskywatch",
    "owner": "Northern Sky Watch",
    "grade": "B",
    "stored_at": "2018-09-04T09:31:13Z",
    "revised_at": "2018-09-04T09:31:12Z",
    "repost_of": None,
    "quote_of": None,
    "reply_to": None,
    "media": [],
    "flags": [],
    "marks": [],
    "tags": {"lang": "en", "kind": "air_strike", "claim": "report", "actors": ["RuAF"]},
    "revisions": [],
    "incidents": [{"incident": INCIDENT["id"], "role": "report"}],
    **_STANDING,
}
WATCH_CHANGE: dict[str, Any] = {
    "rule": 'near:"Jisr al-Shughur"~25km (strike OR قصف) kind:air_strike',
    "triggers": {"lull_days": 14},
    "destinations": [],
    "cooldown_s": 600,
}
NEW_WATCH: dict[str, Any] = {"name": "Idlib strikes", **WATCH_CHANGE}
WATCH = {**NEW_WATCH, "version": 1, "owned_by_file": False}
WATCH_LIST = {"items": [WATCH]}
EXPLAIN_ASK: dict[str, Any] = {
    "rule": "strike near:Idlib~50km",
    "text": "Two strikes on the western edge of Jisr al-Shughur",
}
EXPLANATION = {
    "matched": True,
    "sentences": ["it says “strike”", "it happened at Jisr al-Shughur, 42 km from Idlib"],
    "tree": {"matched": True, "operator": "and", "part": "strike near:Idlib~50km", "says": "2 of 2 parts hold"},
    "tags": {"lang": "en", "kind": "air_strike", "claim": "report"},
}
BACKTEST_ASK: dict[str, Any] = {"rule": "strike near:Idlib~50km", "since": "2018-09-01T00:00:00Z", "limit": 5000}
BACKTEST = {
    "posts": 9001,
    "matched": 12,
    "reports": 9,
    "start": "2018-09-01T00:00:04Z",
    "end": "2018-09-04T10:02:40Z",
    "by_day": {"2018-09-04": 12},
    "by_claim": {"report": 9, "denial": 3},
    "hits": [],
    "says": "would have matched 12 of 9,001 posts",
}
ACTION_ASK: dict[str, Any] = {"action": "dismiss", "why": "the video is from 2016"}
ACTION_ANSWER = {"incident": INCIDENT | {"state": "dismissed"}, "alerts": [ALERT | {"step": "withdrawn"}]}
POST_ASK: dict[str, Any] = {
    "id": "call-2018-09-04-1",
    "platform": "inbox",
    "author": "night desk",
    "created_at": "2018-09-04T10:12:00Z",
    "text": "A doctor in Jisr al-Shughur tells us by phone of two strikes on the western edge.",
}
ACCEPTED = {"post": "inbox:call-2018-09-04-1", "status": "accepted"}
SOURCE = {
    "id": "x:nskywatch",
    "owner": "Northern Sky Watch",
    "grade": "B",
    "area": "Idlib",
    "rights": "full",
    "configured": True,
    "owned_by_file": True,
    "retired_at": None,
    "version": 1,
    "state": "live",
    "detail": "",
    "last_post_at": "2018-09-04T10:02:40Z",
    "said_at": "2018-09-04T10:12:00Z",
    "posts": 128,
    "reconnects": 1,
    "backlog": 0,
    "spend_usd": 0.64,
    "covered_until": "2018-09-04T10:12:00Z",
    "open_gaps": 0,
    "usual_gap_s": 1740.0,
    "silent_since": None,
}
SOURCE_DETAIL = {
    **SOURCE,
    "gaps": [
        {
            "start": "2018-09-03T22:10:00Z",
            "end": "2018-09-03T22:14:20Z",
            "reason": "filtered stream was not connected",
            "filled": True,
        }
    ],
    "covered": [{"start": "2018-08-13T00:00:00Z", "end": "2018-09-04T10:12:00Z"}],
}
SOURCE_LIST = {"items": [SOURCE], **_STANDING}
SOURCE_ASK: dict[str, Any] = {"owner": "Northern Sky Watch", "grade": "B", "area": "Idlib", "rights": "full"}
DESTINATION_ASK: dict[str, Any] = {
    "name": "wall",
    "type": "webhook",
    "options": {"url": "https://wall.example.org/hook"},
}
DESTINATION = {
    **DESTINATION_ASK,
    "url_env": None,
    "token_env": None,
    "owned_by_file": False,
    "version": 1,
    "state": "good",
    "detail": "",
    "last_success_at": "2018-09-04T10:02:41Z",
    "failing_since": None,
    "paused_until": None,
}
DESTINATION_LIST = {"items": [DESTINATION]}
DELIVERY_LIST = {
    "items": [
        {
            "id": "77aa0c0ffee0",
            "alert": ALERT["id"],
            "incident": INCIDENT["id"],
            "state": "delivered",
            "detail": "",
            "created_at": "2018-09-04T09:31:13Z",
            "next_at": "2018-09-04T09:31:13Z",
            "ended_at": "2018-09-04T09:31:14Z",
            "attempts": [
                {"number": 1, "at": "2018-09-04T09:31:13Z", "outcome": "delivered", "detail": "", "seconds": 0.21}
            ],
        }
    ]
}
QUEUED = {"queued": 1, "deliveries": ["77aa0c0ffee0"]}
NEW_SECRET = {"secret": "whsec_ c2hvd24gdGhpcyBvbmNlLCBrZWVwIGl0"}
