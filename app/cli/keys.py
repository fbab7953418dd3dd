"""`watchdesk keys`: make, list and revoke API keys."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import click

from app.settings import load_settings

SCOPES = ("read", "ack", "rules", "admin")


@click.group()
def group() -> None:
    """Make, list and revoke the keys that callers of the API need."""


@group.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; several times. [default: read]"
)
@click.option("--days", type=click.IntRange(1), help="How long it is good for; for ever by default.")
def create(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for NAME and print it: it is shown this once."""
    settings = load_settings(os.environ)
    from app.cli import keyring

    lasting = None if days is None else timedelta(days=days)
    click.echo(asyncio.run(keyring.create_key(settings, name, scopes or ("read",), lasting)))


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List all keys, also those that are no longer good."""
    settings = load_settings(os.environ)
    from app.cli import keyring

    for line in asyncio.run(keyring.list_keys(settings, as_json=as_json)):
        click.echo(line)


@group.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Make the key with this ID useless from now on."""
    settings = load_settings(os.environ)
    from app.cli import keyring

    asyncio.run(keyring.revoke_key(settings, key_id))
    click.echo(f"key {key_id} is revoked")
