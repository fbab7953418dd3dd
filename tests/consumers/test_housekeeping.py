"""What is past its time goes, and what a stage has not read stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from app.clock import ScaledClock, SystemClock
from app.db import meta
from app.db.models import Alert
from app.streams.port import Outgoing
from app.streams.sqlite_log import open_sqlite_log
from app.streams.topics import POSTS, TAGGED
from consumers.housekeeping import READ_BY, tidy
from tests.parts.set_clock import SetClock
from tests.rows import alert_row, store
from tests.sending import sending

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


@pytest.mark.parametrize(("days", "kept", "gone"), [(0, 1203, 0), (30, 2, 1201)])
async def test_alerts_stay_for_ever_unless_a_setting_says_for_how_long(
    tmp_path: Path, days: int, kept: int, gone: int
) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        now, database = desk.clock.now(), desk.resources.settings.database
        old = [alert_row(seq, stored_at=now - timedelta(days=31)) for seq in range(1, 1202)]  # more than two chunks
        young = [alert_row(seq, stored_at=now - timedelta(days=29)) for seq in (1202, 1203)]
        await store(desk.database, *old, *young)
        settings = replace(desk.resources.settings, database=replace(database, alert_retention_days=days))
        await tidy(replace(desk.resources, settings=settings))
        async with desk.database.read() as session:
            assert len((await session.execute(select(Alert.seq))).all()) == kept
            assert (await meta.standing(session)).alerts_gone == gone


@pytest.mark.parametrize(("ahead_s", "kept"), [(0, 1), (366 * 86_400, 2)])
async def test_a_clock_that_receivers_call_wrong_forgets_nothing(tmp_path: Path, ahead_s: float, kept: int) -> None:
    clock = SetClock()
    async with sending(tmp_path, clock) as desk:
        right = clock.now()
        young = alert_row(2, stored_at=right - timedelta(days=1))
        await store(desk.database, alert_row(1, stored_at=right - timedelta(days=400)), young)
        clock.set(ahead_s)
        now = clock.now()
        desk.resources.witness.hear("a.example", {"Date": format_datetime(right, usegmt=True)}, now, now)
        database = replace(desk.resources.settings.database, alert_retention_days=365)
        given = replace(desk.resources, settings=replace(desk.resources.settings, database=database))
        given.witness = desk.resources.witness
        await tidy(given)
        async with desk.database.read() as session:
            assert len((await session.execute(select(Alert.seq))).all()) == kept
