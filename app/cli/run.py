"""`watchdesk run`."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
def command() -> None:
    """Run everything in one process: sources, tagging, desk, deliveries, API and page. Ctrl-C or SIGTERM stops it."""
    settings = load_settings(os.environ)
    from app.cli.process import run_everything

    asyncio.run(run_everything(settings))
