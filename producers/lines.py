"""The lines of a file in bounded memory, with the offsets at which they end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from app.domain.posts import MAX_LINE

CHUNK = 1024 * 1024
TAIL = 4096  # bytes before a resume offset that must still be the same
HEAD = 64 * 1024  # bytes that name a file


class Line(NamedTuple):
    """`raw` is without its line end, and of a line beyond MAX_LINE its beginning; `start` and `end` are byte offsets in the file.

    `terminated` is False where the file stops in the middle of it: somebody may still be writing.
    """

    raw: bytes
    start: int
    end: int
    terminated: bool


def read_lines(file: BinaryIO, offset: int) -> Iterator[Line]:
    """Yield the lines from `offset` on."""
    file.seek(offset)
    at = offset
    while raw := file.readline(MAX_LINE + 1):
        start, at = at, at + len(raw)
        terminated = raw.endswith(b"\n")
        if len(raw) > MAX_LINE and not terminated:
            skipped, terminated = _skip_line(file)
            at += skipped
        yield Line(raw.removesuffix(b"\n").removesuffix(b"\r"), start, at, terminated)


def file_identity(path: Path, hashed: int = HEAD) -> tuple[str, int]:
    """Return the SHA-256 of the first bytes of a file (at most `hashed`) and how many they were."""
    with path.open("rb") as file:
        head = file.read(hashed)
    return hashlib.sha256(head).hexdigest(), len(head)


def tail_hash(path: Path, offset: int) -> str:
    """Return the SHA-256 of the bytes just before `offset`."""
    with path.open("rb") as file:
        start = max(0, offset - TAIL)
        file.seek(start)
        return hashlib.sha256(file.read(offset - start)).hexdigest()


def _skip_line(file: BinaryIO) -> tuple[int, bool]:
    skipped = 0
    while part := file.readline(CHUNK):
        skipped += len(part)
        if part.endswith(b"\n"):
            return skipped, True
    return skipped, False
