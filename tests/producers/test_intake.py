from __future__ import annotations

import asyncio

from app.clock import SystemClock
from app.messages import SourceState
from app.streams.sqlite_log import SqliteLog
from producers.intake import open_intake
from producers.spool import Spool
from tests.producers.recording import of_type
from tests.producers.test_spool import draft


async def test_a_backlog_that_is_gone_is_shown_no_longer(log: SqliteLog, spool: Spool) -> None:
    intake = await open_intake("x", spool, SystemClock())
    writing = asyncio.create_task(spool.append([draft(1), draft(2)]))
    await asyncio.sleep(0)  # both wait for the disk now
    await intake.report(["x:ridge"], "live")
    await writing
    await intake.assert_coverage()
    assert [state.backlog for state in await of_type(log, SourceState)] == [2, 0]
