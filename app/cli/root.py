"""The command line: every command as one row of a table, loaded when it is called.

`watchdesk --help` imports nothing but click, so it answers in a fraction of a second; a command imports what it needs itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """`target` is `module:attribute` of the click command; `line` is what the list of commands says of it."""

    target: str
    line: str


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry("app.cli.demo:command", "Replay an invented August 2018 and show the alert that it ends in."),
    "run": Entry("app.cli.run:command", "Run everything in one process."),
    "replay": Entry("app.cli.replay:command", "Run recorded posts through the whole pipeline."),
    "incidents": Entry("app.cli.incidents:command", "List incidents."),
    "alerts": Entry("app.cli.alerts:command", "List alerts, oldest first."),
    "act": Entry("app.cli.act:command", "Acknowledge, confirm, dismiss, withdraw or mute an incident."),
    "destination": Entry("app.cli.destinations:group", "Try destinations, see deliveries, send again."),
    "drill": Entry("app.cli.drill:command", "Send an exercise through everything and time it."),
    "source": Entry("app.cli.sources:group", "Add, list, try and retire sources; import lists of them."),
    "post": Entry("app.cli.post:command", "Hand in a post by its address and its words."),
    "hold": Entry("app.cli.hold:group", "Keep posts against deletion, for a reason and until a day."),
    "tag": Entry("app.cli.tag:command", "Tag post lines from stdin: places, kind, claim, actors, tolls."),
    "match": Entry("app.cli.match:command", "Say which rules match which posts, and why."),
    "gazetteer": Entry("app.cli.gazetteer:group", "Build the place index, or ask it."),
    "config": Entry("app.cli.config:group", "Check watchdesk.toml and the settings."),
    "migrate": Entry("app.cli.migrate:command", "Bring the database to this version and apply watchdesk.toml."),
    "doctor": Entry("app.cli.doctor:command", "Check what this installation hangs on; say what to do."),
    "keys": Entry("app.cli.keys:group", "Make, list and revoke API keys."),
    "backup": Entry("app.cli.backup:backup", "Write the database to a file, while everything runs."),
    "restore": Entry("app.cli.backup:restore", "Take a backup back into an empty database."),
    "produce": Entry("app.cli.produce:command", "Run producers only."),
    "consume": Entry("app.cli.consume:command", "Run stages only: tag, desk, notify."),
    "api": Entry("app.cli.api:command", "Run the API and the page only."),
}


def load(entry: Entry) -> click.Command:
    """Import the command of a row."""
    module, _, attribute = entry.target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, click.Command):
        raise TypeError(f"{entry.target} is no command")
    return found


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and listed without being imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found = load(entry)
        found.name = cmd_name
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from app.closest import hint  # only on a wrong name

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no such command '{args[0]}'{hint(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="watchdesk", message="%(prog)s %(version)s")
def watchdesk() -> None:
    """The open wire of a conflict desk: posts in, incidents joined, alerts that an editor can check.

    Every setting is an environment variable (WATCHDESK_...); sources, watches and destinations stand in watchdesk.toml.
    """
