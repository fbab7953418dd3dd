"""What `watchdesk hold` does."""

from __future__ import annotations

import getpass
from datetime import datetime

import msgspec

from app.cli.printing import print_lines, print_table
from app.cli.stored import open_stored
from app.clock import SystemClock
from app.db import holds
from app.db.audit import Deed
from app.db.holds import NewHold
from app.errors import UserError
from app.settings import Settings


class HoldLine(msgspec.Struct, frozen=True):
    """A line of `watchdesk hold list --json`."""

    subject: str
    who: str
    why: str
    until: datetime
    since: datetime


async def add_hold(settings: Settings, name: str, why: str, until: datetime, who: str | None) -> str:
    """Place a hold and return what to tell; UserError where nothing has this id, no reason is given, or the day is past."""
    now = SystemClock().now()
    if until <= now:
        raise UserError(f"a hold until {until:%Y-%m-%d %H:%M} UTC would have ended already")
    if not why.strip():
        raise UserError("a hold needs a reason: --why")
    async with open_stored(settings) as database, database.write() as writing:
        subject = await holds.subject_of(writing.session, name)
        if subject is None:
            raise UserError(f"there is neither a post nor a source {name!r}")
        await holds.put(writing, NewHold(subject, who or getpass.getuser(), why.strip(), until), now)
    return f"{subject} is held until {until:%Y-%m-%d %H:%M} UTC"


async def list_holds(settings: Settings, *, as_json: bool) -> None:
    async with open_stored(settings) as database, database.read() as session:
        rows = await holds.known(session)
    lines = [HoldLine(row.subject, row.who, row.why, row.expires_at, row.stored_at) for row in rows]
    if as_json:
        print_lines(lines)
        return
    cells = [(one.subject, one.who, one.why, f"{one.until:%Y-%m-%d %H:%M}") for one in lines]
    print_table(("subject", "who", "why", "until (UTC)"), cells, empty="no holds")


async def remove_hold(settings: Settings, name: str, why: str, who: str | None) -> str:
    """End a hold, let go what it alone kept, and return what to tell; UserError where there is none."""
    now = SystemClock().now()
    async with open_stored(settings) as database:
        async with database.write() as writing:
            subject = await holds.subject_of(writing.session, name) or name
            deed = Deed(who or getpass.getuser(), "hold_lifted", subject, why)
            if not await holds.lift(writing, subject, deed, now):
                raise UserError(f"there is no hold on {name}: `watchdesk hold list` shows them")
        released = 1
        while released:
            async with database.write() as writing:
                released = await holds.release(writing.session, now)
    return f"{subject} is held no more: what was deleted meanwhile is gone"
