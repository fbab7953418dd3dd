"""Room on the disk: a file in the home that gives its space back when the disk runs full, and the mark below which nothing is taken in.

SQLite needs room to shrink, and an operator room to work. Below LOW of the disk the ballast goes; where that does not help, no item
is taken in any longer: its source keeps it, or we ask for it again, while what was taken in already is still decided and delivered.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from app.errors import Unavailable

NAME = "ballast"
MB = 1024 * 1024
LOW = 0.05  # of the disk
LOW_AT_MOST = 512 * 1024 * 1024  # a twentieth of a large disk is no emergency


def lay_ballast(home: Path, megabytes: int) -> bool:
    """Lay the ballast where there is none and the disk has room for four of it above the mark; return whether it lies there."""
    path, size = home / NAME, megabytes * MB
    if path.exists() or not size:
        return path.exists()
    usage = shutil.disk_usage(home)
    if usage.free < low_mark(usage.total) + 4 * size:
        return False
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            _fill(file, size)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        return False
    return True


def _fill(file: BinaryIO, size: int) -> None:
    """Take the room for real: a file that is only made longer holds none."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    file.writelines(bytes(MB) for _ in range(0, size, MB))


def release_ballast(home: Path) -> int:
    """Delete the ballast; return how many bytes that freed, 0 where none lay there."""
    path = home / NAME
    try:
        size = path.stat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def low_mark(total: int) -> int:
    """Return how many bytes of a disk of `total` bytes must stay free for items to be taken in."""
    return min(int(total * LOW), LOW_AT_MOST)


def need_room(home: Path) -> int:
    """Give up the ballast where too little is free to take items in, and refuse as below where that does not help.

    Returns how many bytes it freed, 0 where it was not needed or none lay there.
    """
    if _enough(home):
        return 0
    freed = release_ballast(home)
    refuse_without_room(home)
    return freed


def refuse_without_room(home: Path) -> None:
    """Raise Unavailable("disk") with the path and the bytes where too little is free to take items in."""
    if _enough(home):
        return
    usage = shutil.disk_usage(home)
    raise Unavailable(
        "disk",
        f"{home}: {usage.free:,} of {usage.total:,} bytes are free, and below {low_mark(usage.total):,} nothing is taken in;"
        " free some space, nothing is lost",
    )


def _enough(home: Path) -> bool:
    disk = os.statvfs(home)  # two microseconds, so each append can ask
    return disk.f_bavail * disk.f_frsize >= low_mark(disk.f_blocks * disk.f_frsize)
