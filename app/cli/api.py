"""`watchdesk api`."""

from __future__ import annotations

import asyncio
import os

import click

from app.cli.starting import settings_to_start


@click.command()
def command() -> None:
    """Run the API and the page only."""
    settings = settings_to_start(os.environ, "api", "WATCHDESK_PORT", "WATCHDESK_OPS_PORT", owns_home=False)
    from app.cli.process import run_role

    asyncio.run(run_role(settings, "api", ()))
