from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from app.clock import SystemClock
from app.db.config import put_source
from app.db.models import CoverageInterval, Source, SourceStatus
from app.db.session import Database
from app.domain.config import SourceConfig
from consumers.silence import silence_news
from tests.rows import NOON, store
from tests.sending import sending

HOUR = timedelta(hours=1)


async def posting(database: Database, *handles: str, until: float = 20) -> None:
    """Store sources that post every hour, the last time at noon, and that are read without a break until so many hours after it."""
    for handle in handles:
        async with database.write() as writing:
            await put_source(writing, SourceConfig(f"x:{handle}"))
        await store(
            database,
            SourceStatus(
                source=f"x:{handle}",
                state="live",
                last_post_at=NOON,
                usual_gap_s=3600.0,
                posts=100,
                said_at=NOON,
            ),
            CoverageInterval(source=f"x:{handle}", start=NOON - 9 * HOUR, end=NOON + until * HOUR),
        )


async def news(database: Database, at: datetime) -> list[str]:
    async with database.write() as writing:
        return await silence_news(writing, at)


async def change(database: Database, handle: str, **values: object) -> None:
    async with database.write() as writing:
        changed = update(SourceStatus).where(SourceStatus.source == f"x:{handle}").values(**values)
        await writing.session.execute(changed)


async def test_a_silence_is_said_once_and_its_end_once(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await posting(desk.database, "ward", "other")
        assert await news(desk.database, NOON + 11 * HOUR) == []
        await change(desk.database, "other", last_post_at=NOON + 10 * HOUR)
        assert await news(desk.database, NOON + 13 * HOUR) == [
            "source silent far beyond habit, though connected: x:ward (last post 2018-09-04 12:00 UTC)"
        ]
        assert await news(desk.database, NOON + 14 * HOUR) == []
        await change(desk.database, "ward", state="connecting")
        assert await news(desk.database, NOON + 15 * HOUR) == []
        await change(desk.database, "ward", state="live", last_post_at=NOON + 15 * HOUR)
        assert await news(desk.database, NOON + 16 * HOUR) == ["source heard again: x:ward"]
        assert await news(desk.database, NOON + 16 * HOUR) == []


async def test_a_time_in_which_nobody_read_is_no_silence_of_the_source(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await posting(desk.database, "ward", until=10)
        again = NOON + 40 * HOUR
        assert await news(desk.database, again) == []
        await store(desk.database, CoverageInterval(source="x:ward", start=again, end=again + 13 * HOUR))
        assert await news(desk.database, again + HOUR) == []
        assert len(await news(desk.database, again + 3 * HOUR)) == 1


async def test_a_restart_of_ours_is_no_end_of_a_silence_and_none_is_told_twice(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await posting(desk.database, "ward", until=13)
        assert len(await news(desk.database, NOON + 13 * HOUR)) == 1
        again = NOON + 40 * HOUR
        assert await news(desk.database, again) == []
        await store(desk.database, CoverageInterval(source="x:ward", start=again, end=again + 20 * HOUR))
        assert await news(desk.database, again + HOUR) == []
        assert await news(desk.database, again + 20 * HOUR) == []


async def test_a_retired_source_is_forgotten_without_a_word(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await posting(desk.database, "ward")
        assert len(await news(desk.database, NOON + 13 * HOUR)) == 1
        async with desk.database.write() as writing:
            await writing.session.execute(update(Source).values(retired_at=NOON))
        assert await news(desk.database, NOON + 14 * HOUR) == []


async def test_many_sources_are_told_in_one_line(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await posting(desk.database, *(f"s{number}" for number in range(7)))
        (line,) = await news(desk.database, NOON + 13 * HOUR)
        assert line.startswith("sources silent")
        assert line.endswith("and 2 more")


async def test_the_sender_tells_every_destination(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await desk.add("a", "null")
        await posting(desk.database, "ward")
        await store(desk.database, CoverageInterval(source="x:ward", start=NOON + 20 * HOUR, end=desk.clock.now()))
        async with desk.run():
            assert await desk.settled("a") == {"delivered": 1}
        (notice,) = await desk.deliveries("a")
        assert "x:ward" in (notice.notice or "")
