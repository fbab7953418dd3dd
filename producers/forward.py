"""From a producer's own spool to the stream, in order: publish, wait for the ack, delete. An outage costs disk, not items."""

from __future__ import annotations

import random

import structlog

from app.clock import Clock
from app.crash import crash_point
from app.errors import Unavailable
from app.streams.port import Outgoing, Reader, Stream
from app.streams.sqlite_log import SqliteLog
from app.streams.topics import POSTS

GROUP = "forward"
BATCH = 500
FIRST_DELAY_S = 0.1
DELAY_CAP_S = 2.0
WAIT_S = 5.0  # for a record to arrive; a publish of ours wakes at once

log = structlog.get_logger(__name__)


async def forward(spool: SqliteLog, stream: Stream, clock: Clock) -> None:
    """Move records from `spool` to `stream` until cancelled. What was published but not yet deleted is published again: ids absorb it."""
    async with spool.reader(POSTS.name, GROUP) as reader:
        while True:
            if await forward_batch(spool, reader, stream, clock) == 0:
                await reader.wait(WAIT_S)


async def forward_batch(spool: SqliteLog, reader: Reader, stream: Stream, clock: Clock) -> int:
    """Move one batch, however long the stream is away; return how many records went."""
    records = await reader.read(BATCH)
    if not records:
        return 0
    await _published(stream, [Outgoing(record.key, record.value) for record in records], clock)
    crash_point("forward.after_publish")
    after = records[-1].offset + 1
    await reader.commit({records[-1].partition: after})
    await spool.discard(POSTS.name, after)
    crash_point("forward.after_delete")
    return len(records)


async def _published(stream: Stream, batch: list[Outgoing], clock: Clock) -> None:
    delay = FIRST_DELAY_S
    while True:
        try:
            await stream.publish(POSTS.name, batch)
        except Unavailable as trouble:
            if delay == FIRST_DELAY_S:
                log.warning("the stream is away; items wait in the spool", detail=trouble.detail)
            await clock.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(DELAY_CAP_S, delay * 2)
        else:
            if delay != FIRST_DELAY_S:
                log.info("the stream takes items again")
            return
