"""The try is written down before it is made: so that a post that kills the process is known when it starts again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.errors import Unavailable

MOST = 3


class _Written(msgspec.Struct):
    batch: int = 0
    counts: dict[str, int] = {}


class Tries:
    """Counts the tries of each record of a stage, in a small file of its own.

    A batch is tried whole at first. Where that raised, or the file shows that it never ended, the next `careful` records are tried
    one by one, and a record that failed MOST times is `exhausted`. Only deciding counts as a try, not reading or storing: a process
    that is killed while it waits for a disk blames nobody. The file is not synced: it must survive a crash of ours, not of the machine.
    Raises Unavailable("disk") where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            written = msgspec.json.decode(path.read_bytes(), type=_Written)
        except (OSError, msgspec.DecodeError):
            written = _Written()
        self._counts = written.counts
        self.careful = written.batch

    def exhausted(self, key: str) -> bool:
        return self._counts.get(key, 0) >= MOST

    @contextmanager
    def trying(self, keys: list[str]) -> Iterator[None]:
        """Write down that these records are being decided; on an error the next ones are taken one by one."""
        if len(keys) == 1 and self.careful:
            self._counts[keys[0]] = self._counts.get(keys[0], 0) + 1
        self._write(len(keys))
        try:
            yield
        except Exception:
            self.careful = max(self.careful, len(keys))
            raise
        for key in keys:
            self._counts.pop(key, None)
        self.careful = max(0, self.careful - len(keys))
        self._write(0)

    def give_up(self, key: str) -> None:
        """The record was quarantined: forget it and go on."""
        self._counts.pop(key, None)
        self.careful = max(0, self.careful - 1)
        self._write(0)

    def _write(self, batch: int) -> None:
        try:
            self._path.write_bytes(msgspec.json.encode(_Written(batch=batch, counts=self._counts)))
        except OSError as error:
            free = shutil.disk_usage(self._path.parent).free
            raise Unavailable("disk", f"{self._path}: {error.strerror}, {free:,} bytes are free") from error
