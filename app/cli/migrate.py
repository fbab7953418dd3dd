"""`watchdesk migrate`."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from app.cli.starting import settings_to_start


@click.command()
def command() -> None:
    """Bring the database to this version, and apply watchdesk.toml to it. Run it once before the roles of a new version start."""
    settings = settings_to_start(os.environ, "migrate", owns_home=False)
    from app.cli.process import open_process, prepare_database
    from app.db.migrate import revision

    async def migrate() -> str | None:
        async with open_process(settings, command="migrate", role="cli", owns_home=False) as resources:
            await prepare_database(resources)
        return await revision(settings.database_url)

    sys.stdout.write(f"the database is at revision {asyncio.run(migrate())}; {settings.config_path} is applied\n")
