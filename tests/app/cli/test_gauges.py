from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from app.cli.gauges import Gauges
from app.clock import SystemClock
from app.db.config import put_source
from app.db.models import CoverageInterval, SourceStatus
from app.domain.config import SourceConfig
from tests.parts.set_clock import SetClock
from tests.rows import store
from tests.sending import Sending, sending

HOUR = timedelta(hours=1)


async def add_quiet(desk: Sending, name: str, read_hours: float) -> None:
    """Store a source that posts each hour, has not for 50, and was read for the last `read_hours` of them."""
    now = desk.clock.now()
    async with desk.database.write() as writing:
        await put_source(writing, SourceConfig(name))
    await store(
        desk.database,
        SourceStatus(
            source=name, state="live", last_post_at=now - 50 * HOUR, usual_gap_s=3600.0, posts=100, said_at=now
        ),
        CoverageInterval(source=name, start=now - read_hours * HOUR, end=now),
    )


async def test_silent_sources_are_counted_by_platform_and_only_for_what_was_read(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await add_quiet(desk, "x:ward", 20)
        await add_quiet(desk, "rss:zenith", 20)
        await add_quiet(desk, "x:restarted", 2)
        gauges = Gauges(desk.resources, "produce")
        await gauges.refresh(2.0)
        registry = desk.resources.metrics.registry
        counted = {
            platform: registry.get_sample_value("watchdesk_sources_silent", {"platform": platform})
            for platform in ("x", "feed", "bluesky")
        }
        await gauges.close()
    assert counted == {"x": 1, "feed": 1, "bluesky": 0}


@pytest.mark.parametrize(
    ("set_by", "told", "build", "receivers"), [(0, None, 0, 0), (0, 612, 0, 61), (-4e8, None, -1, 0)]
)
async def test_how_far_our_clock_is_off_is_told_at_every_scrape(
    tmp_path: Path, set_by: float, told: float | None, build: int, receivers: int
) -> None:
    async with sending(tmp_path, SetClock(set_by)) as desk:
        now = desk.clock.now()
        if told is not None:
            header = {"Date": format_datetime(now - timedelta(seconds=told), usegmt=True)}
            desk.resources.witness.hear("hooks.example", header, now, now)
        gauges = Gauges(desk.resources, "run")
        await gauges.refresh(2.0)
        await gauges.close()
        registry = desk.resources.metrics.registry
        found = {
            against: registry.get_sample_value("watchdesk_clock_offset_seconds", {"against": against}) or 0.0
            for against in ("build", "receivers", "database")
        }
    assert round(found["receivers"] / 10) == receivers
    assert (found["build"] < -1e8) == (build < 0)
    assert found["database"] == 0
