"""A disk of a few megabytes in memory, to fill and to empty."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MB = 1024 * 1024


class SmallDisk:
    """A mounted file system at `path`; `fill` takes room in it, `empty` gives that back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "somebody-elses.bin"

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.path).free

    def fill(self, leave: int) -> None:
        """Take all room but `leave` bytes."""
        with self._filler.open("ab") as file:
            size = self._filler.stat().st_size
            os.posix_fallocate(file.fileno(), size, max(1, self.free - leave))

    def empty(self) -> None:
        self._filler.unlink()

    def shrink(self, megabytes: int) -> None:
        """Make the disk itself smaller."""
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a file system of this size at `path`; raises PermissionError where mounting is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode:
        raise PermissionError(mounted.stderr.decode())
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
