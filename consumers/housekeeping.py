"""Hourly: the log and the database let go of what is past its time. Waits out what is down."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app.db.alerts import forget_before
from app.db.clock import database_offset
from app.db.retention import expire_chunk
from app.domain.clocks import WRONG_S, apart
from app.errors import Unavailable
from app.resources import Resources
from app.streams.sqlite_log import SqliteLog
from app.streams.topics import POSTS, TAGGED

EVERY_S = 3600.0
BREATH_S = 0.1
READ_BY = {POSTS.name: ("tag",), TAGGED.name: ("desk",)}  # what its stage has not read stays, however old

log = structlog.get_logger(__name__)


async def keep_house(resources: Resources) -> None:
    """Tidy for ever; the first time a little after the start, so that a process that restarts often still tidies."""
    while True:
        await resources.clock.sleep(EVERY_S / 60)
        try:
            await tidy(resources)
        except Unavailable as down:
            log.warning("housekeeping waits", down=down.what)
            continue
        await resources.clock.sleep(EVERY_S)


async def tidy(resources: Resources) -> None:
    """Expire the embedded log and the database once."""
    now, settings = resources.clock.now(), resources.settings
    if isinstance(resources.stream, SqliteLog):
        gone = await resources.stream.expire(now, hold_for=READ_BY)
        if gone:
            log.info("records expired", **{topic.replace(".", "_"): count for topic, count in gone.items()})
    posts_days, alerts_days = settings.retention_days, settings.alert_retention_days
    if (posts_days or alerts_days) and (off := await _clock_off(resources)):
        log.error("nothing is forgotten by a clock that is wrong", clock=apart(off))
        posts_days = alerts_days = 0
    while True:
        async with resources.database.write() as writing:
            count = await expire_chunk(writing.session, now, posts_days)
            if alerts_days:
                count += await forget_before(writing, now - timedelta(days=alerts_days))
        if not count:
            return
        log.info("rows expired", rows=count)
        await resources.clock.sleep(BREATH_S)


async def _clock_off(resources: Resources) -> float | None:
    """Return by how many seconds our clock is off, as far as the database's clock and receivers tell; None where it is right."""
    async with resources.database.read() as session:
        ahead = await database_offset(session, resources.clock)
    seen = resources.witness.seen()
    told = [one for one in (ahead, seen.offset_s if seen else None) if one is not None]
    worst = max(told, key=abs, default=0.0)
    return worst if abs(worst) > WRONG_S else None
