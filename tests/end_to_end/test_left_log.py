"""A log that was lost, a database that was put back, garbage between the records: each ends as the rules say, and nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from app.clock import SystemClock
from app.db.meta import value
from app.db.models import GapRow, Quarantine
from app.db.session import open_database
from app.streams.port import Outgoing
from app.streams.sqlite_log import open_sqlite_log
from app.streams.topics import POSTS, TAGGED
from tests.end_to_end.lines import line, many
from tests.parts.desk_home import DeskHome, write_lines


@pytest.fixture
def days(tmp_path: Path) -> tuple[Path, Path]:
    """Two files of posts, the second after the first."""
    lines = [*many(120, seed=29)]
    return write_lines(tmp_path / "one.jsonl", [*lines[:60]]), write_lines(tmp_path / "two.jsonl", [*lines[60:]])


async def gaps_of(home: DeskHome) -> list[str]:
    async with open_database(home.database_url, role="cli") as database, database.read() as session:
        return list((await session.execute(select(GapRow.reason).where(GapRow.scope == "log"))).scalars())


async def epoch_of(home: DeskHome) -> str | None:
    async with open_database(home.database_url, role="cli") as database, database.read() as session:
        return await value(session, "epoch")


def test_lost_log_is_noticed_and_the_new_one_read_from_its_start(home: DeskHome, days: tuple[Path, Path]) -> None:
    home.ok("replay", days[0])
    before = home.result()
    for path in home.home.glob("log.db*"):
        path.unlink()
    home.ok("replay", days[1])
    after = home.result()
    assert after.alerts[: len(before.alerts)] == before.alerts
    assert after.outcomes[0] == 120
    (reason,) = asyncio.run(gaps_of(home))
    assert "not the log that was left" in reason


def test_restored_database_reads_the_log_again_under_a_new_epoch(
    home: DeskHome, days: tuple[Path, Path], tmp_path: Path
) -> None:
    home.ok("replay", days[0])
    kept = tmp_path / "kept.db"
    shutil.copy(home.home / "watchdesk.db", kept)
    home.ok("replay", days[1])
    expected, epoch = home.result(), asyncio.run(epoch_of(home))
    for path in home.home.glob("watchdesk.db*"):
        path.unlink()
    shutil.copy(kept, home.home / "watchdesk.db")
    home.ok("replay", days[1])
    again = home.result()
    assert [alert.id for alert in again.alerts] == [alert.id for alert in expected.alerts]
    assert again.incidents == expected.incidents
    assert again.outcomes == expected.outcomes
    assert asyncio.run(epoch_of(home)) != epoch


GARBAGE: Sequence[bytes] = (
    b"\x00\xff\xfe random bytes",
    b'{"t":"item","v":99,"ingest":["s",1]}',
    b"",
    b"x" * 2_000_000,
    b'{"t":"nobody knows","v":1}',
    b"[" * 100_000,
)


async def spoil(home: DeskHome, topic: str, values: Sequence[bytes]) -> None:
    async with open_sqlite_log(home.home / "log.db", SystemClock()) as log:
        await log.append(topic, [Outgoing("stranger", one) for one in values])


async def quarantined(home: DeskHome) -> dict[str, str]:
    async with open_database(home.database_url, role="cli") as database, database.read() as session:
        rows = await session.execute(select(Quarantine.ingest, Quarantine.reason))
        return {row.ingest: row.reason for row in rows}


@pytest.mark.parametrize("topic", [POSTS.name, TAGGED.name])
def test_garbage_on_a_topic_is_quarantined_with_its_offset(home: DeskHome, tmp_path: Path, topic: str) -> None:
    good = write_lines(tmp_path / "good.jsonl", [line(1, "Russian air strikes on Jisr al-Shughur in Idlib")])
    later = write_lines(tmp_path / "later.jsonl", [line(2, "Regime artillery shelling Saraqib, Idlib", 60)])
    home.ok("replay", good)
    asyncio.run(spoil(home, topic, GARBAGE))
    home.ok("replay", later)
    found = asyncio.run(quarantined(home))
    assert len(found) == len(GARBAGE)
    assert all(name.startswith(f"{topic}/0:") for name in found)
    assert sorted(set(found.values())) == ["bad_record", "bad_version"]
    assert home.result().outcomes == (2 + len(GARBAGE), 2, 0, len(GARBAGE), 0)


def test_a_hundred_bad_records_in_a_row_stop_the_stage_and_say_where(
    make_home: Callable[..., DeskHome], tmp_path: Path
) -> None:
    home = make_home()
    good = write_lines(tmp_path / "good.jsonl", [line(1, "Russian air strikes on Jisr al-Shughur in Idlib")])
    home.ok("replay", good)
    asyncio.run(spoil(home, POSTS.name, [b"garbage"] * 100))
    done = home.run("replay", write_lines(tmp_path / "later.jsonl", [line(2, "Shelling on Saraqib", 60)]))
    assert done.returncode != 0
    assert b"stopped at offset" in done.stderr
    assert b"Traceback" not in done.stderr
