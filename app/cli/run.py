"""`watchdesk run`."""

from __future__ import annotations

import asyncio
import os

import click

from app.cli.starting import settings_to_start


@click.command()
def command() -> None:
    """Run everything in one process: sources, tagging, desk, deliveries, API and page. Ctrl-C or SIGTERM stops it."""
    settings = settings_to_start(os.environ, "run", "WATCHDESK_PORT", "WATCHDESK_OPS_PORT", owns_home=True, spool="run")
    from app.cli.process import run_everything

    asyncio.run(run_everything(settings))
