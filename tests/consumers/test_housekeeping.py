"""What is past its time goes, and what a stage has not read stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.clock import ScaledClock
from app.streams.port import Outgoing
from app.streams.sqlite_log import open_sqlite_log
from app.streams.topics import POSTS, TAGGED
from consumers.housekeeping import READ_BY

START = datetime(2026, 1, 1, tzinfo=UTC)


async def test_read_records_expire_and_unread_ones_stay(tmp_path: Path) -> None:
    later = START + timedelta(days=90)
    async with open_sqlite_log(tmp_path / "log.db", ScaledClock(1, START)) as log:
        for topic in (POSTS.name, TAGGED.name, "watchdesk.raw.v1"):
            await log.publish(topic, [Outgoing("a", b"1"), Outgoing("a", b"2"), Outgoing("a", b"3")])
        for topic, group, read in ((POSTS.name, "tag", 3), (TAGGED.name, "desk", 2)):
            async with log.reader(topic, group) as reader:
                await reader.read(10)
                await reader.commit({0: read})
        gone = await log.expire(later, hold_for=READ_BY)
        assert gone == {POSTS.name: 3, TAGGED.name: 2, "watchdesk.raw.v1": 3}
