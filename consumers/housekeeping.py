"""Hourly: the log and the database let go of what is past its time. Waits out what is down."""

from __future__ import annotations

from datetime import timedelta

import structlog

from app.db.alerts import forget_before
from app.db.retention import expire_chunk
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
    while True:
        async with resources.database.write() as writing:
            count = await expire_chunk(writing.session, now, settings.retention_days)
            if settings.alert_retention_days:
                count += await forget_before(writing, now - timedelta(days=settings.alert_retention_days))
        if not count:
            return
        log.info("rows expired", rows=count)
        await resources.clock.sleep(BREATH_S)
