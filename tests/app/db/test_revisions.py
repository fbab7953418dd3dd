"""What is known of a database before any library of databases is loaded."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.db.migrate import alembic_config, head, upgrade
from app.db.revisions import known_revisions, refuse_file, refuse_folder, refuse_unknown
from app.errors import SchemaError, SettingsError

NOBODY = 65534


def test_the_names_of_the_scripts_are_the_revisions_that_alembic_knows() -> None:
    walked = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]
    assert list(known_revisions()) == walked[::-1]
    assert known_revisions()[-1] == head()


def test_a_revision_of_a_newer_build_is_refused_with_both() -> None:
    with pytest.raises(SchemaError, match=f"is at revision 9999, this build knows {head()}"):
        refuse_unknown("9999")
    refuse_unknown(head())
    refuse_unknown(None)


async def test_a_file_of_a_newer_build_is_refused_and_one_of_ours_or_none_is_not(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    refuse_file(file)
    assert not file.exists()
    await upgrade(f"sqlite:///{file}")
    refuse_file(file)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(SchemaError, match="9999"):
        refuse_file(file)


def test_a_file_that_holds_nothing_of_ours_yet_is_left_to_the_migration(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    file.touch()
    refuse_file(file)


def test_a_file_that_is_no_database_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    file.write_text("what somebody wrote\n" * 100, encoding="utf-8")
    with pytest.raises(SettingsError, match=rf"{file} is no SQLite database"):
        refuse_file(file)


def test_a_database_that_is_being_written_is_left_to_the_migration(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.execute("BEGIN EXCLUSIVE")
        refuse_file(file)


def test_a_folder_that_is_not_there_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"there is no folder {tmp_path}/none"):
        refuse_folder(tmp_path / "none" / "desk.db")


@contextmanager
def without_root() -> Iterator[None]:
    """Be nobody until the block ends, where we are root: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_folder_that_cannot_be_written_is_refused_with_its_path() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not `tmp_path`, whose parents nobody but we may pass
        path = Path(folder)
        path.chmod(0o555)
        with without_root(), pytest.raises(SettingsError, match=f"cannot write in {path}"):
            refuse_folder(path / "desk.db")
        path.chmod(0o700)
