"""Rows -> CSV that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import datetime

BOM = "\ufeff"  # without it spreadsheets read Arabic and Cyrillic as Latin-1
Cell = str | int | float | datetime | None

# What makes a cell a formula, also behind blanks that the program strips, and in its full-width forms.
_FORMULA = re.compile(r"[\s\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def line(cells: Sequence[Cell]) -> str:
    """Return one line. Numbers stay numbers; a text that would be taken for a formula gets an apostrophe before it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_shown(cell) for cell in cells])
    return out.getvalue()


def _shown(cell: Cell) -> str | int | float:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.isoformat().replace("+00:00", "Z")
        case str():
            text = _CONTROL.sub(" ", cell)
            return f"'{text}" if _FORMULA.match(cell) or cell[:1] in {"\t", "\r", "\n"} else text
        case _:
            return cell
