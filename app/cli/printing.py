"""How the commands print: JSON lines for machines, tables for people."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

WIDE = 200  # columns where stdout is no terminal and nobody says how wide it is
LEVEL_STYLES = {"reported": "yellow", "likely": "bold dark_orange", "confirmed": "bold red"}

Cell = str | tuple[str, str]  # a text, or a text with its style


def console(wide: int = WIDE) -> Console:
    """Return a console on stdout that neither guesses at markup nor marks numbers: texts of posts are not ours.

    `wide`: its columns where stdout is no terminal.
    """
    width = None if sys.stdout.isatty() else wide
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False, width=width)


def print_lines(values: Iterable[msgspec.Struct]) -> None:
    """Print one JSON object a line."""
    encoder = msgspec.json.Encoder()
    for value in values:
        sys.stdout.write(encoder.encode(value).decode() + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, empty: str) -> None:
    """Print a table, or the line `empty` where there is no row."""
    screen = console()
    if not rows:
        screen.print(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(visible(cell) if isinstance(cell, str) else Text(*cell) for cell in row))
    screen.print(table)


def visible(text: str) -> Text:
    """Return text of others as it may stand on a terminal: without control characters, so no post can move the cursor or turn lines around."""
    kept = []
    for mark in text:
        if mark.isprintable() or mark == "\n":
            kept.append(mark)
        elif unicodedata.category(mark) != "Cf":  # marks of direction and joiners go without a trace
            kept.append("\N{REPLACEMENT CHARACTER}")
    return Text("".join(kept))


@contextmanager
def building(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr how far something is: in place on a terminal, a line a step elsewhere. Yields what is to be told (step, done, total)."""
    with Status(f"opening {what}", console=Console(stderr=True, highlight=False)) as status:
        said: set[str] = set()

        def progress(step: str, done: int, total: int) -> None:
            if step not in said and not status.console.is_terminal:
                status.console.print(f"building {what}, once: {step}")
            said.add(step)
            status.update(f"building {what}, once: {step}" + (f" {done / total:.0%}" if total else ""))

        yield progress
