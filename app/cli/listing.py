"""What `watchdesk alerts` and `watchdesk incidents` print: JSON lines for machines, a table for people."""

from __future__ import annotations

from app.cli.printing import LEVEL_STYLES, print_lines, print_table
from app.cli.stored import open_stored
from app.db import alerts, incidents
from app.db.alerts import AlertFilter
from app.db.incidents import IncidentFilter
from app.messages import AlertMessage, IncidentView
from app.settings import Settings

PAGE = 500
NEWEST = 50  # rows of a table, where nothing else was asked for


async def list_alerts(settings: Settings, wanted: AlertFilter, *, limit: int | None, as_json: bool) -> None:
    """Print the alerts that are wanted, oldest first: all of them as JSON, the newest 50 as a table, or the newest `limit`."""
    found = await _alerts(settings, wanted, limit or (None if as_json else NEWEST))
    if as_json:
        print_lines(found)
    else:
        columns = ("at (UTC)", "step", "level", "headline", "origins", "watch", "id")
        print_table(columns, [_alert_row(alert) for alert in found], empty="no alerts yet")


async def list_incidents(settings: Settings, wanted: IncidentFilter, *, limit: int | None, as_json: bool) -> None:
    """Print the incidents that are wanted in the order of their last change: all as JSON, the newest 50 as a table, or `limit`."""
    found = await _incidents(settings, wanted, limit or (None if as_json else NEWEST))
    if as_json:
        print_lines(found)
    else:
        columns = ("last (UTC)", "kind", "place", "by", "level", "state", "posts", "origins", "quiet", "id")
        print_table(columns, [_incident_row(incident) for incident in found], empty="no incidents yet")


async def _alerts(settings: Settings, wanted: AlertFilter, limit: int | None) -> list[AlertMessage]:
    async with open_stored(settings) as database, database.read() as session:
        if limit is not None:
            return [stored.message for stored in await alerts.newest(session, limit=limit, wanted=wanted)]
        found: list[AlertMessage] = []
        last = 0
        while page := await alerts.after(session, last, limit=PAGE, wanted=wanted):
            found.extend(stored.message for stored in page)
            last = page[-1].seq
        return found


async def _incidents(settings: Settings, wanted: IncidentFilter, limit: int | None) -> list[IncidentView]:
    async with open_stored(settings) as database, database.read() as session:
        if limit is not None:
            return [stored.view for stored in await incidents.newest(session, limit=limit, wanted=wanted)]
        found: list[IncidentView] = []
        last = 0
        while page := await incidents.after(session, last, limit=PAGE, wanted=wanted):
            found.extend(stored.view for stored in page)
            last = page[-1].change_no
        return found


def _alert_row(alert: AlertMessage) -> tuple[str | tuple[str, str], ...]:
    return (
        f"{alert.created_at:%Y-%m-%d %H:%M:%S}",
        alert.step,
        (alert.level, LEVEL_STYLES[alert.level]),
        alert.headline,
        ", ".join(alert.origins),
        alert.watch,
        alert.id,
    )


def _incident_row(incident: IncidentView) -> tuple[str | tuple[str, str], ...]:
    place = incident.place
    return (
        f"{incident.last_at:%Y-%m-%d %H:%M}",
        incident.kind,
        f"{place.name}, {place.country} ±{place.radius_km:.0f} km",
        ", ".join(incident.actors),
        (incident.level, LEVEL_STYLES[incident.level]),
        incident.state,
        str(len(incident.posts)),
        ", ".join(incident.origins),
        "" if incident.quiet_days is None else f"{incident.quiet_days} d",
        incident.id,
    )
