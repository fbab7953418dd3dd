from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.cli.clock_check import check_clock
from app.clock import SystemClock
from app.db.clock import SeenOf, put_seen
from app.db.session import Database
from app.settings import Settings, load_settings
from tests.parts.set_clock import SetClock


def settings_of(home: Path, url: str) -> Settings:
    return load_settings({"WATCHDESK_HOME": str(home), "WATCHDESK_DATABASE_URL": url}, mounts="")


@pytest.mark.postgres
@pytest.mark.parametrize(("ahead_s", "state"), [(0, "ok"), (3, "ok"), (20, "look"), (-20, "look"), (612, "fail")])
async def test_the_clock_is_compared_with_that_of_a_database_that_has_its_own(
    tmp_path: Path, postgres_url: str, ahead_s: float, state: str
) -> None:
    found = await check_clock(settings_of(tmp_path, postgres_url), SetClock(ahead_s))
    # A database without our tables still tells the time.
    assert found.state == state
    if state == "ok":
        return
    assert f"by the database's clock ours is {abs(ahead_s)} s {'ahead' if ahead_s > 0 else 'behind'}" in found.detail
    assert "NTP" in found.todo


@pytest.mark.parametrize(
    ("offset_s", "minutes", "state"),
    [(0.2, 1, "ok"), (7, 1, "look"), (-612, 1, "fail"), (-612, 60 * 5, "ok")],
)
async def test_what_receivers_said_to_the_senders_counts_while_it_is_fresh(
    tmp_path: Path, database: Database, database_url: str, offset_s: float, minutes: float, state: str
) -> None:
    async with database.write() as writing:
        said = SeenOf(offset_s, 2, datetime.now(UTC) - timedelta(minutes=minutes))
        await put_seen(writing, "desk-1", said)
    found = await check_clock(settings_of(tmp_path, database_url), SystemClock())
    assert found.state == state
    assert ("by 2 receivers that of desk-1 was at" in found.detail) == (minutes < 60)
    assert bool(found.todo) == (state != "ok")


async def test_where_nobody_can_confirm_the_clock_that_is_said(tmp_path: Path) -> None:
    found = await check_clock(settings_of(tmp_path, f"sqlite:///{tmp_path}/none.db"), SystemClock())
    assert found.state == "ok"
    assert "no other clock was heard" in found.detail


async def test_a_clock_before_this_build_fails_and_the_way_out_is_said(tmp_path: Path) -> None:
    found = await check_clock(settings_of(tmp_path, f"sqlite:///{tmp_path}/none.db"), SetClock(-20 * 365 * 86_400.0))
    assert found.state == "fail"
    assert "before this build was made" in found.detail
    assert "NTP" in found.todo


async def test_a_database_that_is_away_is_not_told_as_a_trouble_of_the_clock(tmp_path: Path) -> None:
    found = await check_clock(settings_of(tmp_path, "postgresql://nobody@127.0.0.1:9/none"), SystemClock())
    assert found.state == "ok"
