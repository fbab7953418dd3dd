"""`watchdesk incidents`."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, all of them.")
@click.option("--kind", help="Only this kind, for example air_strike.")
@click.option("--level", type=click.Choice(["reported", "likely", "confirmed"]), help="Only incidents of this level.")
@click.option("--state", type=click.Choice(["open", "dismissed", "withdrawn", "merged"]), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1), help="The newest so many; 50 without --json.")
def command(as_json: bool, kind: str | None, level: str | None, state: str | None, limit: int | None) -> None:
    """List incidents in the order of their last change. Exercises are left out."""
    settings = load_settings(os.environ)
    from app.cli.listing import list_incidents
    from app.db.incidents import IncidentFilter

    wanted = IncidentFilter(level=level, kind=kind, state=state)
    asyncio.run(list_incidents(settings, wanted, limit=limit, as_json=as_json))
