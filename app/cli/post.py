"""`watchdesk post`: paste a post by hand."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from app.settings import load_settings


@click.command()
@click.argument("url", required=False)
@click.option("--text", help="What it says. [default: stdin]")
@click.option("--author", help="Whose it is, where its address does not say.")
@click.option("--id", "given_id", help="Its id, where it has no address.")
@click.option("--at", help="When it was posted, in ISO 8601. [default: what its id says, else now]")
@click.option("--as", "who", help="Who hands it in. [default: the user of this machine]")
def command(url: str | None, text: str | None, who: str | None, **given: str | None) -> None:
    """Hand in the post at URL (or one without an address: --id and --author) with its words.

    It goes the way of every other post. Whoever stands behind its account is its origin, not the one who pastes it.
    """
    settings = load_settings(os.environ)
    from app.cli import posting

    words = sys.stdin.read() if text is None else text
    fields = {"author": given["author"], "id": given["given_id"], "created_at": given["at"]}
    click.echo(asyncio.run(posting.hand_in(settings, url, words, fields, who)))
