"""What is stored, for the commands that only read it: the database of the settings, opened without anything else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.db.migrate import check_in
from app.db.session import Database, open_database
from app.errors import UserError
from app.settings import Settings


@asynccontextmanager
async def open_stored(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for reading; raise UserError where nothing was ever stored in this home, or another build stored it."""
    file = settings.database.file
    if file is not None and not file.exists():
        raise UserError(f"nothing is stored in {settings.home} yet: run `watchdesk run`, or `watchdesk replay FILE`")
    async with open_database(settings.database_url, role="cli") as database:
        async with database.read() as session:
            await check_in(session)
        yield database
