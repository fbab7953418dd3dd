from __future__ import annotations

import io

from app.domain.posts import MAX_LINE
from producers.lines import Line, read_lines


def test_lines_come_without_their_ends_and_with_offsets() -> None:
    file = io.BytesIO(b"one\ntwo\r\n\nlast")
    assert list(read_lines(file, 0)) == [
        Line(b"one", 0, 4, True),
        Line(b"two", 4, 9, True),
        Line(b"", 9, 10, True),
        Line(b"last", 10, 14, False),
    ]
    assert [line.raw for line in read_lines(file, 4)] == [b"two", b"", b"last"]


def test_a_line_beyond_the_limit_is_cut_and_the_next_one_found() -> None:
    file = io.BytesIO(b"a" * (MAX_LINE + 3_000_000) + b"\nnext\n")
    cut, following = read_lines(file, 0)
    assert (len(cut.raw), cut.end, cut.terminated) == (MAX_LINE + 1, MAX_LINE + 3_000_001, True)
    assert following.raw == b"next"
