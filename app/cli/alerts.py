"""`watchdesk alerts`."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, all of them.")
@click.option("--watch", help="Only this watch.")
@click.option("--level", type=click.Choice(["reported", "likely", "confirmed"]), help="Only alerts of this level.")
@click.option("--incident", metavar="ID", help="Only alerts about this incident.")
@click.option("--limit", type=click.IntRange(1), help="The newest so many; 50 without --json.")
def command(as_json: bool, watch: str | None, level: str | None, incident: str | None, limit: int | None) -> None:
    """List alerts, oldest first. Exercises are left out."""
    settings = load_settings(os.environ)
    from app.cli.listing import list_alerts
    from app.db.alerts import AlertFilter

    asyncio.run(list_alerts(settings, AlertFilter(watch, level, incident), limit=limit, as_json=as_json))
