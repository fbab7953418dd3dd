"""`watchdesk consume`."""

from __future__ import annotations

import asyncio
import os

import click

from app.cli.starting import settings_to_start


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(["tag", "desk", "notify"]), metavar="[STAGE]...")
def command(names: tuple[str, ...]) -> None:
    """Run stages only, all of them or the named ones: tag, desk, notify."""
    settings = settings_to_start(os.environ, "consume", "WATCHDESK_OPS_PORT", owns_home=True)
    from app.cli.process import run_role

    asyncio.run(run_role(settings, "consume", names))
