"""`watchdesk destination`: try a destination, see what went out, send it again, change its secret."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime

import click

from app.settings import load_settings

STATES = ("pending", "delivered", "digested", "cancelled", "expired")


@click.group()
def group() -> None:
    """See and try the destinations that alerts go to."""


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List the destinations: state, what waits, why one does not work."""
    settings = load_settings(os.environ)
    from app.cli import sending

    asyncio.run(sending.list_destinations(settings, as_json=as_json))


@group.command()
@click.argument("name")
def test(name: str) -> int:
    """Send a line marked TEST to NAME now, once, and say what came back."""
    settings = load_settings(os.environ)
    from app.cli import sending

    worked, line = asyncio.run(sending.test_destination(settings, name))
    click.echo(line, err=not worked)
    return 0 if worked else 1


@group.command()
@click.argument("name", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only deliveries in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def deliveries(name: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, of NAME or of all destinations, the newest first."""
    settings = load_settings(os.environ)
    from app.cli import sending

    asyncio.run(sending.list_deliveries(settings, name, state, limit=limit, as_json=as_json))


@group.command()
@click.argument("delivery")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def attempts(delivery: str, as_json: bool) -> None:
    """List every attempt at one delivery, by its id."""
    settings = load_settings(os.environ)
    from app.cli import sending

    asyncio.run(sending.list_attempts(settings, delivery, as_json=as_json))


@group.command()
@click.option("--id", "delivery", help="One delivery.")
@click.option("--to", "name", help="Those of one destination.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]), help="From then on, UTC."
)
@click.option("--all", "delivered", is_flag=True, help="Also those that arrived: the receiver lost them.")
def replay(delivery: str | None, name: str | None, since: datetime | None, delivered: bool) -> None:
    """Send again, under the same ids: what never arrived, or everything with --all."""
    if (delivery is None) == (since is None):
        raise click.UsageError("give either --id, or --since (with --to for one destination)")
    settings = load_settings(os.environ)
    from app.cli import sending

    count = asyncio.run(sending.replay(settings, delivery, name, since, delivered=delivered))
    click.echo(f"{count} {'delivery is' if count == 1 else 'deliveries are'} due again")


@group.command()
@click.argument("name")
def rotate(name: str) -> None:
    """Give the webhook NAME a new signing secret and print it: it is shown this once. The old one signs along for 24 h."""
    settings = load_settings(os.environ)
    from app.cli import sending

    click.echo(asyncio.run(sending.rotate(settings, name)))


@group.command()
@click.argument("name")
def enable(name: str) -> None:
    """Switch NAME on again after it was switched off; what still waits for it goes out."""
    settings = load_settings(os.environ)
    from app.cli import sending

    click.echo(asyncio.run(sending.enable(settings, name)))
