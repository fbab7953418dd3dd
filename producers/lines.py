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


class ByteLines:
    """Lines from chunks of a socket. A line beyond MAX_LINE comes out cut, and its rest is passed over."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their ends; an empty one for each empty line."""
        *whole, rest = (bytes(self._held) + chunk).split(b"\n")
        lines = [line.removesuffix(b"\r")[: self._limit] for line in whole]
        if self._skipping and lines:
            lines = lines[1:]
            self._skipping = False
        self._held = bytearray(b"" if self._skipping else rest)
        if len(self._held) > self._limit:
            lines.append(bytes(self._held[: self._limit]))
            self._held.clear()
            self._skipping = True
        return lines

    def rest(self) -> bytes:
        """Return the beginning of a line that never ended."""
        return bytes(self._held)
