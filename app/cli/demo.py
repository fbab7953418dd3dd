"""`watchdesk demo`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

import click

from app.settings import load_settings

RECORDING, CONFIG = "idlib.jsonl", "watchdesk.toml"


def demo_environ(environ: Mapping[str, str], config: Path) -> dict[str, str]:
    """Return the environment of the demo: a home of its own below the usual one, its own desk, quiet logs, DEMO on everything."""
    home = Path(environ.get("WATCHDESK_HOME", "").strip() or "./var") / "demo"
    return {
        "WATCHDESK_LOG_LEVEL": "error",
        "WATCHDESK_WATCHDOG_PERIOD": "0",
        **environ,
        "WATCHDESK_HOME": str(home),
        "WATCHDESK_CONFIG": str(config),
        "WATCHDESK_DEMO": "yes",
    }


@click.command()
def command() -> None:
    """Replay an invented August 2018 in Idlib: 22 quiet days, then the alert that it ends in, in full.

    Lives in `demo` below the home, emptied at each start. On a terminal it serves the desk's page until Ctrl-C; elsewhere it prints the
    same and ends.
    """
    folder = files("app.cli") / "demo_data"
    with as_file(folder / CONFIG) as config, as_file(folder / RECORDING) as recording:
        settings = load_settings(demo_environ(os.environ, config))
        from app.cli.demo_show import show_demo

        asyncio.run(show_demo(settings, recording, paced=sys.stdout.isatty(), serve=sys.stdin.isatty()))
