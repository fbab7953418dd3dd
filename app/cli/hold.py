"""`watchdesk hold`: keep the words of a post or a source against deletion, for a reason and until a day."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime

import click

from app.settings import load_settings

WHO = click.option("--as", "who", help="Who does it. [default: the user of this machine]")


@click.group()
def group() -> None:
    """Keep the words of posts in the database though they were deleted; they are shown to nobody."""


@group.command()
@click.argument("subject")
@click.option("--why", required=True, help="The reason, for the audit.")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    help="When it ends, in UTC. Another `add` changes it.",
)
@WHO
def add(subject: str, why: str, until: datetime, who: str | None) -> None:
    """Hold SUBJECT: the id of a post, or of a source with all its posts."""
    settings = load_settings(os.environ)
    from app.cli import holding

    click.echo(asyncio.run(holding.add_hold(settings, subject, why, until.replace(tzinfo=UTC), who)))


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List the holds: what, by whom, why, until when."""
    settings = load_settings(os.environ)
    from app.cli import holding

    asyncio.run(holding.list_holds(settings, as_json=as_json))


@group.command()
@click.argument("subject")
@click.option("--why", default="", help="The reason, for the audit.")
@WHO
def remove(subject: str, why: str, who: str | None) -> None:
    """End the hold on SUBJECT now: the words of its deleted posts go at once."""
    settings = load_settings(os.environ)
    from app.cli import holding

    click.echo(asyncio.run(holding.remove_hold(settings, subject, why, who)))
