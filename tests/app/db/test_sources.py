from __future__ import annotations

from datetime import timedelta

from app.db import sources
from app.db.models import CoverageInterval, GapRow, Source, SourceStatus
from app.db.session import Database
from tests.rows import NOON, store


def gap(number: int, source: str | None, *, filled: bool = False) -> GapRow:
    start = NOON + timedelta(hours=number)
    return GapRow(
        id=str(number), source=source, run=None, scope="source", start=start, end=start + timedelta(minutes=5),
        reason="away", filled=filled, stored_at=NOON,
    )  # fmt: skip


async def test_one_rule_says_of_every_source_whether_it_is_silent(database: Database) -> None:
    posting = {"state": "live", "posts": 100, "usual_gap_s": 3600.0, "last_post_at": NOON, "said_at": NOON}
    hour = timedelta(hours=1)
    for name in ("x:quiet", "x:pausing", "x:retired", "x:refused", "x:stranger"):
        await store(
            database,
            SourceStatus(source=name, **(posting | ({"state": "refused"} if name == "x:refused" else {}))),
            CoverageInterval(source=name, start=NOON - hour, end=NOON + 8 * hour),
            CoverageInterval(
                source=name, start=NOON + 30 * hour, end=NOON + (33 if name == "x:pausing" else 40) * hour
            ),
        )
        if name != "x:stranger":
            retired_at = NOON if name == "x:retired" else None
            await store(database, Source(id=name, owner=name, grade="B", area=None, retired_at=retired_at))
    async with database.read() as session:
        assert await sources.silent(session, NOON + 33 * hour) == {}
        found = await sources.silent(session, NOON + 40 * hour)
        told = {one.id: one.silent_since(NOON + 40 * hour) for one in await sources.known(session)}
        (quiet,) = await sources.known(session, "x:quiet")
    assert found == {"x:quiet": sources.Silence(NOON + 34 * hour, NOON)}
    assert {name: since for name, since in told.items() if since} == {"x:quiet": NOON + 34 * hour}
    assert quiet.silent_since(NOON + 40 * hour) == NOON + 34 * hour


async def test_a_source_is_told_with_state_coverage_and_open_gaps(database: Database) -> None:
    end = NOON + timedelta(hours=3)
    await store(
        database,
        Source(id="x:ward", owner="Ward", grade="B", area=None, retired_at=None),
        SourceStatus(source="rss:zenith", state="live", last_post_at=NOON, usual_gap_s=60.0, said_at=NOON),
        CoverageInterval(source="x:ward", start=NOON, end=NOON + timedelta(hours=1)),
        CoverageInterval(source="x:ward", start=NOON + timedelta(hours=2), end=end),
        gap(1, "x:ward"),
        gap(2, "x:ward", filled=True),
        gap(3, None),
    )
    async with database.read() as session:
        zenith, ward = await sources.known(session)
        assert (zenith.id, zenith.source, zenith.covered_until) == ("rss:zenith", None, None)
        assert zenith.status is not None
        assert (ward.id, ward.status, ward.covered_until, ward.open_gaps) == ("x:ward", None, end, 1)
        assert [one.id for one in await sources.known(session, "x:ward")] == ["x:ward"]
        assert await sources.known(session, "x:none") == []
        assert [one.id for one in await sources.gaps(session, limit=9, source="x:ward")] == ["3", "2", "1"]
        assert [one.id for one in await sources.gaps(session, limit=1)] == ["3"]
        assert [one.id for one in await sources.gaps(session, limit=9, since=NOON + timedelta(hours=2))] == ["3", "2"]
        assert [one.end for one in await sources.coverage(session, "x:ward", NOON + timedelta(hours=2))] == [end]
