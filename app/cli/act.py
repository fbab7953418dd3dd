"""`watchdesk act`: what an editor does to an incident."""

from __future__ import annotations

import asyncio
import getpass
import os

import click

from app.settings import load_settings

ACTIONS = [
    f"{undo}{action}" for action in ("acknowledge", "confirm", "dismiss", "withdraw", "mute") for undo in ("", "un")
]


@click.command()
@click.argument("incident")
@click.argument("action", type=click.Choice(ACTIONS), metavar="ACTION")
@click.option("--why", default="", help="Said in the audit.")
@click.option("--hours", type=float, default=1.0, show_default=True, help="How long to mute.")
@click.option("--as", "who", help="Who does it. [default: the user of this machine]")
def command(incident: str, action: str, why: str, hours: float, who: str | None) -> None:
    """Acknowledge, confirm, dismiss, withdraw or mute INCIDENT; `un...` undoes it.

    Whoever was told of a dismissed or withdrawn incident is told that too.
    """
    settings = load_settings(os.environ)
    from app.cli.acting import act_on
    from app.clock import SystemClock
    from app.domain.actions import Press

    pressed = Press(action, who or getpass.getuser(), SystemClock().now(), why, hours)
    for line in asyncio.run(act_on(settings, incident, pressed)):
        click.echo(line)
