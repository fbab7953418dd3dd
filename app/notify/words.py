"""How an alert is put into words for people: levels, steps, places, times, and text of others made harmless."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import cache

from babel import Locale

from app.domain.live_sources import says_sources_live
from app.messages import AlertMessage, IncidentView, PlaceView
from app.notify.port import Outgoing, PostShown

FIRST_STRONG, POP = "\u2068", "\u2069"  # isolates: text of any direction stands in a line without turning it
_BIDI = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)))
_SPOKEN = {"explosion_unspecified": "explosion of unknown cause", "other_event": "other event"}


def plain(text: str, limit: int) -> str:
    """Return somebody else's text on its lines, without controls and direction overrides, cut to `limit` code points."""
    kept = (
        character
        for character in text
        if character == "\n" or not (character in _BIDI or unicodedata.category(character) in {"Cc", "Cs"})
    )
    return clip("".join(kept).strip(), limit)


def clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def isolated(text: str, limit: int) -> str:
    """Return a name or phrase of others for the middle of a line of ours."""
    return f"{FIRST_STRONG}{plain(text, limit).replace(chr(10), ' ')}{POP}"


def kind_words(kind: str) -> str:
    return _SPOKEN.get(kind, kind.replace("_", " "))


def title(outgoing: Outgoing) -> str:
    """Return what has to be said first: marks, the step where it takes something back, how sure we are."""
    alert = outgoing.alert
    parts = [mark for mark, holds in (("DEMO", outgoing.demo), ("TEST", outgoing.exercise)) if holds]
    match alert.step:
        case "withdrawn":
            parts.append("WITHDRAWN")
        case "corrected":
            parts.append(f"CORRECTED · {alert.level.upper()}")
        case "updated" if not outgoing.news:
            parts.append(f"UPDATE · {alert.level.upper()}")
        case _:
            parts.append(alert.level.upper())
    return " · ".join(parts)


def bare_headline(alert: AlertMessage) -> str:
    """Return the headline without what the message says beside it: marks, level and origins, how long it had been quiet."""
    line = re.sub(r"(, first in \d+ days?)?( \((?:reported|likely|confirmed), \d+ origins?\))?$", "", alert.headline)
    for mark in ("DEMO ", "TEST ", "WITHDRAWN: ", "CORRECTED: "):
        line = line.removeprefix(mark)
    return line


def where(place: PlaceView) -> str:
    """Return the place as an area: name, country, radius."""
    name = isolated(place.name, 200)
    country = country_name(place.country)
    return f"{name}{f', {country}' if country and country != place.name else ''} · within {_km(place.radius_km)}"


def map_link(place: PlaceView) -> str:
    zoom = 12 if place.radius_km < 8 else 9 if place.radius_km < 60 else 6
    lat, lon = f"{place.lat:.4f}", f"{place.lon:.4f}"
    return f"https://www.openstreetmap.org/?mlat={lat}&mlon={lon}#map={zoom}/{lat}/{lon}"


def how_sure(place: PlaceView) -> str:
    return "sure of the place" if place.confidence >= 0.8 else f"place {place.confidence:.0%} sure"


def origins(names: tuple[str, ...], posts: int) -> str:
    """Return who says so by name, five of them at most, and how many posts that is."""
    if not names:
        return "none left"
    shown = ", ".join(isolated(name, 80) for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{len(names)}: {shown}{more} ({posts} post{'' if posts == 1 else 's'})"


def why(outgoing: Outgoing) -> tuple[str, ...]:
    """Return the reasons without how many sources were live, which every message says in a place of its own."""
    return tuple(reason for reason in outgoing.reasons if not says_sources_live(reason))


def listening(outgoing: Outgoing) -> str | None:
    """Return how many sources were live when the alert was decided, or are now where it does not say; None where none is configured."""
    said = [reason for reason in outgoing.alert.reasons if says_sources_live(reason)]
    if said or outgoing.sources is None or not outgoing.sources.total:
        return said[-1] if said else None
    return f"{outgoing.sources.live} of {outgoing.sources.total} sources live"


def lull(view: IncidentView) -> str | None:
    """Return the line for a first event after quiet days; it claims no more than what we have seen."""
    if view.quiet_days is None or view.quiet_days < 1:
        return None
    days = "day" if view.quiet_days == 1 else "days"
    return f"First {kind_words(view.kind)} seen here in {view.quiet_days} {days}"


def toll(view: IncidentView) -> str | None:
    said = [
        f"{_range(count)} {word}"
        for count, word in ((view.killed, "killed"), (view.wounded, "wounded"))
        if count is not None and count[1] > 0
    ]
    return ", ".join(said) or None


def moment(at: datetime | None, now: datetime) -> str:
    """Return a time in UTC, with the date where it is not today's."""
    if at is None:
        return "unknown time"
    form = "%H:%M:%S UTC" if at.date() == now.date() else "%d %b %Y %H:%M UTC"
    return at.strftime(form)


def author(post: PostShown) -> str:
    handle = plain(post.author, 60).replace("\n", " ")
    return f"@{handle}" if not post.author_name else f"{isolated(post.author_name, 60)} (@{handle})"


@cache
def country_name(code: str) -> str:
    return str(Locale("en").territories.get(code, code))


def _km(radius: float) -> str:
    return f"{radius:.1f} km" if radius < 10 else f"{radius:,.0f} km"


def _range(count: tuple[int, int]) -> str:
    return f"{count[0]:,}" if count[0] == count[1] else f"{count[0]:,}–{count[1]:,}"
