from __future__ import annotations

import csv
import io

import pytest

from app.api.csv_safe import line
from tests.rows import NOON

DANGEROUS = [
    '=HYPERLINK("http://evil.test","x")',
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\u202e=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "|calc",
    "%0A",
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_text_is_taken_for_a_formula(text: str) -> None:
    (cell,) = next(csv.reader(io.StringIO(line([text]))))
    assert cell.startswith("'")


@pytest.mark.parametrize("text", ["Ward", "قصف على المدينة", 'say "no"', "a,b", "a\nb", "1 = 1", "x@y", "", "5"])
def test_other_texts_come_back_as_they_were(text: str) -> None:
    rows = list(csv.reader(io.StringIO(line([text, "end"]), newline="")))
    assert rows == [[text, "end"]]


def test_numbers_and_times_stay_what_they_are() -> None:
    assert line([-1.5, 0, None, NOON, "\x00a\x1bb"]) == "-1.5,0,,2018-09-04T12:00:00Z, a b\r\n"
