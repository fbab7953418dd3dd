"""Which revisions this build knows, and whether a SQLite file stands at one of them: read without loading a database library.

So a database of a newer build, or a file that is none, is refused in the first moment of a start.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from app.errors import SchemaError, SettingsError

PATIENCE_S = 0.5  # for a database that another process is just writing: the migration looks again


def scripts() -> Path:
    """Return the folder of the migrations: of the repository, or, in a wheel, inside the code."""
    packaged = Path(__file__).with_name("migrations")
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "alembic"


def known_revisions() -> tuple[str, ...]:
    """Return the revisions that this build can read, the newest last: their scripts are named after them."""
    return tuple(sorted(path.name.partition("_")[0] for path in (scripts() / "versions").glob("[0-9]*_*.py")))


def refuse_unknown(found: str | None) -> None:
    """Raise SchemaError where a database stands at a revision that this build does not know."""
    known = known_revisions()
    if found is not None and found not in known:
        raise SchemaError(
            f"The database is at revision {found}, this build knows {known[-1]}: use the build that wrote it, or a newer one"
        )


def refuse_folder(file: Path) -> None:
    """Raise SettingsError where SQLite could not write `file`, or the files that it keeps beside it."""
    if not file.parent.is_dir():
        raise SettingsError(f"WATCHDESK_DATABASE_URL: there is no folder {file.parent}: make it")
    for path in (file.parent, file):
        if path.exists() and not os.access(path, os.W_OK):
            raise SettingsError(f"WATCHDESK_DATABASE_URL: cannot write {'in ' if path.is_dir() else ''}{path}")


def refuse_file(file: Path) -> None:
    """Raise where `file` is there and not our SQLite database: it is none at all, or a newer build wrote it."""
    if file.exists():
        refuse_unknown(_revision_of(file))


def _revision_of(file: Path) -> str | None:
    """Return the revision written in a SQLite file; None where there is none yet, or it cannot be read just now."""
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S)
        ) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:  # empty, locked, or no table of that name
        return None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise SettingsError(
                f"WATCHDESK_DATABASE_URL: {file} is no SQLite database: name another file, or move it away"
            ) from None
        return None  # damaged: opening it says so
    return None if row is None else str(row[0])
