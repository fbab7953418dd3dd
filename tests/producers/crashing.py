"""A producer's process that may be killed anywhere: takes numbered items into a spool and forwards them to a log. Run as a child.

Arguments: folder, items, armed crash points.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.clock import SystemClock
from app.crash import arm
from app.messages import Post
from app.streams.sqlite_log import open_sqlite_log
from producers.forward import forward
from producers.spool import Draft, open_spool


async def produce(folder: Path, items: int) -> None:
    """Take in what the token says is missing, a few at a time, and leave when everything was handed on."""
    clock = SystemClock()
    async with (
        open_sqlite_log(folder / "spool-live.db", clock) as own,
        open_sqlite_log(folder / "stream.db", clock) as stream,
        open_spool(own, clock, forwarded=True) as spool,
    ):
        forwarding = asyncio.create_task(forward(own, stream, clock))
        taken = int(await spool.state("taken") or 0)
        while taken < items:
            batch = range(taken, min(items, taken + 3))
            drafts = [
                Draft("x:ridge", datetime.now(UTC), Post(f"x:{n}", str(n), "x", "ridge", "text"), str(n).encode())
                for n in batch
            ]
            taken = batch.stop
            await spool.append(drafts, state={"taken": str(taken).encode()})
        await spool.say_head()
        while await spool.backlog():
            await asyncio.sleep(0.01)
        forwarding.cancel()
        await asyncio.wait([forwarding])


if __name__ == "__main__":
    arm(sys.argv[3])
    asyncio.run(produce(Path(sys.argv[1]), int(sys.argv[2])))
