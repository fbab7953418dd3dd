"""`watchdesk produce`."""

from __future__ import annotations

import asyncio
import os

import click

from app.cli.starting import settings_to_start
from app.home import spool_name


@click.command()
@click.argument("names", nargs=-1, metavar="[PLATFORM]...")
def command(names: tuple[str, ...]) -> None:
    """Run producers only, all of them or those of the named platforms (x, bluesky, mastodon, rss, telegram, inbox)."""
    settings = settings_to_start(os.environ, "produce", "WATCHDESK_OPS_PORT", owns_home=True, spool=spool_name(names))
    from app.cli.process import run_role

    asyncio.run(run_role(settings, "produce", names))
