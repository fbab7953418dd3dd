"""`watchdesk tag`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--gazetteer",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Another index than the home's.",
)
def command(gazetteer: Path | None) -> None:
    """Tag post lines: JSON lines on stdin, one line of JSON each on stdout.

    A line that cannot be read comes back with "error"; nothing stops the rest. Empty lines are passed over.
    """
    from app.cli.tag_lines import tag_stream
    from app.clock import SystemClock
    from app.domain.lexicon import load_lexicon
    from app.domain.tagging import Tagger
    from app.gazetteer_file import default_gazetteer, open_gazetteer
    from app.settings import load_settings

    opened = open_gazetteer(gazetteer) if gazetteer else default_gazetteer(load_settings(os.environ).home)
    tagger = Tagger(opened, load_lexicon())
    sink = sys.stdout.buffer
    try:
        tag_stream(sys.stdin.buffer, sink, tagger, SystemClock())
    except BrokenPipeError:  # the reader has seen enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sink.fileno())
