"""`watchdesk match`: which rules hold for which posts, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click


@click.command()
@click.option(
    "--rules",
    "rules_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file with [[watch]] tables; watchdesk.toml is one.",
)
@click.option(
    "--gazetteer",
    "gazetteer_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another gazetteer index than the default one.",
)
@click.option("--explain", "explained", is_flag=True, help="Say of every rule why it does not hold, too.")
def command(rules_path: Path, gazetteer_path: Path | None, explained: bool) -> None:
    """Read post lines, print one line a post: the rules that hold for it, each with the reasons.

    A line that cannot be a post comes back with "error"; nothing stops at it.
    """
    from app.cli.matching import open_matcher

    matcher = open_matcher(rules_path, gazetteer_path, explained=explained)
    for note in matcher.notes:
        click.echo(note, err=True)
    for line in matcher.lines(_lines(sys.stdin.buffer)):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    for line in stream:
        yield line.rstrip(b"\r\n")
