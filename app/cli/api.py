"""`watchdesk api`."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
def command() -> None:
    """Run the API and the page only."""
    settings = load_settings(os.environ)
    from app.cli.process import run_role

    asyncio.run(run_role(settings, "api", ()))
