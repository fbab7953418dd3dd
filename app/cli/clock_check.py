"""What `watchdesk doctor` says of the clock: against this build's date, the database's clock, and what receivers said to the senders."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta
from typing import Literal, NamedTuple

from app.clock import Clock
from app.db.clock import database_offset, seen_by_receivers
from app.db.migrate import check_in
from app.db.session import open_database
from app.domain.clocks import OFF_S, WRONG_S, apart, before_build
from app.errors import WatchdeskError
from app.settings import Settings

FRESH = timedelta(hours=2)  # a sender that hears replies writes every ten minutes
TODO = "set the clock and keep it right with NTP (`timedatectl set-ntp true`, chrony); in a container it is the host's"


class ClockFound(NamedTuple):
    """What there is to say, as of a finding."""

    state: Literal["ok", "look", "fail"]
    detail: str
    todo: str = ""


async def check_clock(settings: Settings, clock: Clock) -> ClockFound:
    """Compare our clock with every other that can be asked. A database that is away is for another check to tell."""
    now = clock.now()
    if wrong := before_build(now):
        return ClockFound("fail", wrong.removesuffix(": set it"), f"{TODO}; until then no webhook is signed")
    offsets = [one async for one in _offsets(settings, clock)]
    if not offsets:
        return ClockFound("ok", f"says {now:%Y-%m-%d %H:%M:%S} UTC; no other clock was heard that could confirm it")
    detail = "; ".join(f"{whose} {apart(offset) if round(offset) else 'the same'}" for offset, whose in offsets)
    worst = max(abs(offset) for offset, _ in offsets)
    if worst <= OFF_S:
        return ClockFound("ok", detail)
    return ClockFound("fail" if worst > WRONG_S else "look", detail, TODO)


async def _offsets(settings: Settings, clock: Clock) -> AsyncGenerator[tuple[float, str]]:
    """Yield how far a clock of ours is ahead of another, and by whose word."""
    file = settings.database.file
    if file is not None and not file.exists():
        return
    with suppress(WatchdeskError):
        async with open_database(settings.database_url, role="cli") as database, database.read() as session:
            ahead = await database_offset(session, clock)
            if ahead is not None:
                yield ahead, "by the database's clock ours is"
            await check_in(session)
            seen = await seen_by_receivers(session)
        for machine, one in sorted(seen.items()):
            if abs(clock.now() - one.at) < FRESH:
                hosts = f"{one.hosts} receiver{'' if one.hosts == 1 else 's'}"
                yield one.offset_s, f"by {hosts} that of {machine} was at {one.at:%H:%M}"
