"""`watchdesk backup` and `watchdesk restore`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from app.settings import load_settings


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
def backup(file: Path) -> None:
    """Write the database to FILE (gzipped JSON lines), while everything runs. Any engine can take it back."""
    settings = load_settings(os.environ)
    from app.cli.stored import open_stored
    from app.clock import SystemClock
    from app.db.backup import back_up
    from app.errors import UserError

    async def run() -> dict[str, int]:
        async with open_stored(settings) as database:
            return await back_up(database, settings.database_url, file, SystemClock().now(), _show)

    try:
        counts = asyncio.run(run())
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from error
    _done(f"backed up {sum(counts.values())} rows of {sum(map(bool, counts.values()))} tables to {file}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
def restore(file: Path) -> None:
    """Fill an empty database from a backup. The stream is read again from where the backup stood; cursors begin a new epoch."""
    settings = load_settings(os.environ)
    from app.clock import SystemClock
    from app.db.backup import restore as fill
    from app.home import hold_home
    from app.settings import prepare_home

    prepare_home(settings.home)
    with hold_home(settings.home, command="restore", since=SystemClock().now()):
        counts = asyncio.run(fill(settings.database_url, file, _show))
    _done(
        f"restored {sum(counts.values())} rows; start watchdesk again: it reads the stream from where the backup stood"
    )


def _show(table: str, rows: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{table}: {rows} rows")
        sys.stderr.flush()


def _done(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    sys.stdout.write(line + "\n")
