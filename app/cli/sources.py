"""`watchdesk source`: add, list, try and retire sources, and take over lists of them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from app.settings import load_settings


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    split = [one.partition("=") for one in given]
    if wrong := next((key for key, sign, _ in split if not sign or not key.strip()), None):
        raise click.UsageError(f"--option takes KEY=VALUE, not {wrong!r}")
    return {key.strip(): value.strip() for key, _, value in split}


OPTION = click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="A key of its producer; several times."
)
URL = click.option("--url", help="The address of a feed.")


@click.group()
def group() -> None:
    """Add, list, try and retire the sources that the desk listens to."""


@group.command()
@click.argument("source_id", metavar="ID")
@click.option("--owner", help="Who stands behind it: accounts of one owner are one origin. [new: the handle]")
@click.option("--grade", type=click.Choice("ABCDEF", case_sensitive=False), help="How far it is trusted. [new: F]")
@click.option("--area", help='The place that it reports from; "" takes it away.')
@click.option(
    "--rights",
    type=click.Choice(["full", "reference", "delete_24h"]),
    help="What may be kept and shown of it. [new: full]",
)
@click.option("--actor", help="The party that it speaks for.")
@URL
@OPTION
def add(source_id: str, options: tuple[str, ...], **fields: str | None) -> None:
    """Add the source ID (platform:handle, such as x:SyriaCivilDef), or change what is given of it. It is read within seconds."""
    settings = load_settings(os.environ)
    from app.cli import sourcing

    click.echo(asyncio.run(sourcing.add_source(settings, {"id": source_id, **fields, **_pairs(options)})))


@group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(as_json: bool) -> None:
    """List all sources: how they are, when they last posted, how long they are usually quiet, what they cost."""
    settings = load_settings(os.environ)
    from app.cli import sourcing

    asyncio.run(sourcing.list_sources(settings, as_json=as_json))


@group.command()
@click.argument("source_id", metavar="ID", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def gaps(source_id: str | None, limit: int, as_json: bool) -> None:
    """List the times in which ID, or any source, was not read: why, and whether they were filled since. The newest come first."""
    settings = load_settings(os.environ)
    from app.cli import sourcing

    asyncio.run(sourcing.list_gaps(settings, source_id, limit=limit, as_json=as_json))


@group.command()
@click.argument("source_id", metavar="ID")
@click.option("--seconds", type=click.FloatRange(1, 600), default=20.0, show_default=True, help="How long to listen.")
@URL
@OPTION
def test(source_id: str, seconds: float, url: str | None, options: tuple[str, ...]) -> int:
    """Connect to ID and show its latest posts. Nothing is stored; a source that costs money costs it here too."""
    settings = load_settings(os.environ)
    from app.cli import sourcing

    return (
        0
        if asyncio.run(sourcing.try_source(settings, {"id": source_id, "url": url, **_pairs(options)}, seconds))
        else 1
    )


@group.command()
@click.argument("source_id", metavar="ID")
def remove(source_id: str) -> None:
    """Read ID no more. Its posts and its history stay."""
    settings = load_settings(os.environ)
    from app.cli import sourcing

    asyncio.run(sourcing.remove_source(settings, source_id))
    click.echo(f"{source_id} is retired")


@group.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
def import_(file: Path, dry_run: bool) -> None:
    """Take over the feeds of an OPML file or the rows of a CSV file (id, owner, grade, area, ...). All of it, or nothing."""
    settings = load_settings(os.environ)
    from app.cli import sourcing
    from app.domain.source_lists import read_list

    for line in asyncio.run(
        sourcing.import_sources(settings, read_list(file.read_bytes(), file.name), dry_run=dry_run)
    ):
        click.echo(line)
