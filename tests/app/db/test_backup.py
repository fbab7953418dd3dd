"""A backup is one snapshot that either engine takes back whole, with a new epoch and the offsets of then."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from app.db.backup import back_up, restore
from app.db.meta import value
from app.db.models import Alert, Base, Incident, Offset
from app.db.offsets import hold
from app.db.session import Database, open_database
from app.errors import DamagedError, UserError
from tests.stored_desk import StoredDesk, random_records
from tests.wire import NOON


def quiet(table: str, rows: int) -> None:
    del table, rows


async def filled(database: Database, url: str, target: Path) -> dict[str, int]:
    await StoredDesk(database).feed(random_records(3))
    async with database.write() as writing:
        await hold(writing.session, "watchdesk.tagged.v1", 0, "me", NOON)
    return await back_up(database, url, target, NOON, quiet)


async def test_backup_comes_back_row_for_row_on_another_database(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    target, other = tmp_path / "backup.gz", f"sqlite:///{tmp_path}/other.db"
    counts = await filled(database, database_url, target)
    assert counts["posts"] > 10
    assert counts["alerts"] > 3

    restored = await restore(other, target, quiet)
    assert restored == {name: count for name, count in counts.items() if count}
    async with database.read() as here, open_database(other, role="cli") as again, again.read() as there:
        for query in (
            select(Incident.id, Incident.view, Incident.body, Incident.change_no).order_by(Incident.id),
            select(Alert.seq, Alert.body, Alert.created_at).order_by(Alert.seq),
            select(Offset.topic, Offset.next),
        ):
            assert (await here.execute(query)).all() == (await there.execute(query)).all()
        assert await value(here, "epoch") != await value(there, "epoch")


async def test_broken_backup_restores_nothing(database: Database, database_url: str, tmp_path: Path) -> None:
    target, broken = tmp_path / "backup.gz", tmp_path / "broken.gz"
    await filled(database, database_url, target)
    broken.write_bytes(target.read_bytes()[:-200])
    other = f"sqlite:///{tmp_path}/other.db"
    with pytest.raises(DamagedError, match="not whole"):
        await restore(other, broken, quiet)
    async with open_database(other, role="cli") as again, again.read() as session:
        assert (await session.execute(select(Incident.id))).all() == []


async def test_restore_refuses_a_database_that_holds_something(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    target = tmp_path / "backup.gz"
    await filled(database, database_url, target)
    with pytest.raises(UserError, match="already holds"):
        await restore(database_url, target, quiet)


async def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no backup")
    with pytest.raises(UserError, match="no backup of watchdesk"):
        await restore(f"sqlite:///{tmp_path}/other.db", other, quiet)
    assert len(Base.metadata.sorted_tables) > 20
