"""An alert -> a message of the Common Alerting Protocol 1.2: updates and cancellations point at what they replace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from app.db.alerts import StoredAlert

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
MEDIA_TYPE = "application/cap+xml"
SENDER = "watchdesk"
EXPIRES = timedelta(hours=24)  # an incident takes no report later than that
MESSAGE_TYPES = {"first": "Alert", "withdrawn": "Cancel"}  # all else updates
CERTAINTY = {"reported": "Possible", "likely": "Likely", "confirmed": "Observed"}
RESTRICTION = "For editorial use: a report by the origins named, not a warning to the public."
# What XML 1.0 cannot hold, however it is written.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Chain(NamedTuple):
    """An alert with the earlier ones of its watch about the same incident, oldest first."""

    alert: StoredAlert
    before: Sequence[StoredAlert]


def cap_message(chain: Chain, *, demo: bool) -> Element:
    """Return the message. An exercise has status Exercise, and so has everything in a demo."""
    alert = chain.alert.message
    root = Element(f"{{{NAMESPACE}}}alert")
    exercise = demo or chain.alert.exercise
    kind = MESSAGE_TYPES.get(alert.step, "Update")
    if kind != "Alert" and not chain.before:
        kind = "Alert"  # nothing stands that it could update
    fields = [
        ("identifier", alert.id),
        ("sender", SENDER),
        ("sent", moment(alert.created_at)),
        ("status", "Exercise" if exercise else "Actual"),
        ("msgType", kind),
        ("scope", "Restricted"),
        ("restriction", RESTRICTION),
    ]
    if exercise:
        fields.append(("note", "DEMO: all of this is invented." if demo else "TEST: this is an exercise."))
    if kind != "Alert":
        references = (f"{SENDER},{one.message.id},{moment(one.message.created_at)}" for one in chain.before)
        fields.append(("references", " ".join(references)))
    fields.append(("incidents", alert.incident))
    for name, value in fields:
        put(root, name, value)
    _info(root, chain.alert, test=exercise)
    return root


def _info(root: Element, stored: StoredAlert, *, test: bool) -> None:
    alert, incident = stored.message, stored.incident
    info = SubElement(root, f"{{{NAMESPACE}}}info")
    fields = [
        ("language", "en"),
        ("category", "Security"),
        ("event", incident.kind.replace("_", " ")),
        ("urgency", "Unknown"),
        ("severity", "Severe" if incident.killed and incident.killed[1] > 0 else "Unknown"),
        ("certainty", CERTAINTY.get(alert.level, "Unknown")),
        ("onset", moment(incident.first_at)),
        ("expires", moment(alert.created_at + EXPIRES)),
        ("senderName", "watchdesk"),
        ("headline", ("TEST: " if test else "") + alert.headline),
        ("description", "\n".join(alert.reasons) or alert.headline),
    ]
    for name, value in fields:
        put(info, name, value)
    parameters = {
        "level": alert.level,
        "step": alert.step,
        "watch": alert.watch,
        "origins": "; ".join(alert.origins),
        "posts": str(alert.posts),
        "quiet_days": "" if alert.quiet_days is None else str(alert.quiet_days),
    }
    for name, value in parameters.items():
        if value:
            parameter = SubElement(info, f"{{{NAMESPACE}}}parameter")
            put(parameter, "valueName", name)
            put(parameter, "value", value)
    _area(info, stored)


def _area(info: Element, stored: StoredAlert) -> None:
    where = stored.incident.place
    area = SubElement(info, f"{{{NAMESPACE}}}area")
    put(area, "areaDesc", f"{where.name}, {where.country}")
    put(area, "circle", f"{where.lat:.5f},{where.lon:.5f} {where.radius_km:g}")
    code = SubElement(area, f"{{{NAMESPACE}}}geocode")
    put(code, "valueName", "ISO 3166-1")
    put(code, "value", where.country)


def put(parent: Element, name: str, value: str, namespace: str = NAMESPACE) -> Element:
    """Add a child with text; what XML cannot hold becomes the replacement character."""
    child = SubElement(parent, f"{{{namespace}}}{name}")
    child.text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
    return child


def moment(value: datetime) -> str:
    """Return a time as CAP wants it: whole seconds, and an offset where others write Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
