"""`watchdesk drill`: an exercise through the whole path, with the seconds that each stage took."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
@click.argument("watch", required=False)
@click.option("--text", help="Other words than those made from the watch's rule; TEST is put in front.")
@click.option("--seconds", type=click.IntRange(1, 600), default=60, show_default=True, help="How long to wait.")
def command(watch: str | None, text: str | None, seconds: int) -> int:
    """Send an exercise post through everything that runs, to every destination of WATCH (or of whichever watch matches).

    It says TEST wherever it is shown, and is kept out of incidents, numbers and lists.
    """
    settings = load_settings(os.environ)
    from app.cli.drilling import drill

    report = asyncio.run(drill(settings, watch, text, float(seconds)))
    for line in report.lines:
        click.echo(line)
    return 0 if report.passed else 1
