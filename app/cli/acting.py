"""What `watchdesk act` does."""

from __future__ import annotations

from app.cli.stored import open_stored
from app.db.actions import press
from app.domain.actions import DONE, Press
from app.settings import Settings


async def act_on(settings: Settings, incident: str, pressed: Press) -> list[str]:
    """Do it and return what to print."""
    async with open_stored(settings) as database, database.write() as writing:
        done = await press(writing, incident, pressed, settings.config.desk)
    view = done.incident
    lines = [f"{incident} {DONE[pressed.action]}: {view.level}, {view.state}"]
    lines += [f"alert {alert.step} to watch {alert.watch}: {alert.headline}" for alert in done.alerts]
    return lines
