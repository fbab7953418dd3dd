"""`watchdesk replay`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from app.cli.starting import settings_to_start

FASTEST = 1_000_000_000  # beyond that "max" is meant


def _speed(ctx: click.Context, param: click.Parameter, value: str) -> float | None:
    """Return the factor that is meant; None: do not wait at all."""
    if value == "max":
        return None
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= FASTEST:
        raise click.BadParameter(f"{value} is neither 'max' nor a number above 0", ctx, param)
    return speed


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE..."
)
@click.option(
    "--speed",
    default="max",
    metavar="N|max",
    callback=_speed,
    help="Recorded seconds per second; max (the default) does not wait.",
)
@click.option("--deliver", is_flag=True, help="Send the alerts to their destinations; without it nothing leaves.")
@click.option(
    "--history", is_flag=True, help="Store posts, incidents and coverage, and raise no alert: memory for day one."
)
def command(files: tuple[Path, ...], speed: float | None, deliver: bool, history: bool) -> None:
    """Run recorded posts (JSON lines) through the whole pipeline.

    Goes on where it was stopped; a file that was replayed before adds nothing.
    """
    settings = settings_to_start(os.environ, "replay", owns_home=True, spool="replay")
    from app.cli.replaying import replay_and_count
    from producers.replay import ReplayOptions

    options = ReplayOptions(speed=speed, deliver=deliver, history=history)
    asyncio.run(replay_and_count(settings, files, options))
