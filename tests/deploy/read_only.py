"""A container's view without an engine: a mount namespace in which all but a volume and /tmp is read-only, and a user without any power."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

NEEDS = ("unshare", "setpriv", "mount")
KERNEL = ("/proc", "/dev", "/sys")  # not files of the root: an engine mounts its own

# $1: the volume, $2: the user; the rest is what runs. `exec` throughout: signals reach the program itself.
_CONFINE = """
set -e
mount --bind "$1" "$1"
for point in $(cut -d ' ' -f 5 /proc/self/mountinfo); do
  case $point in "$1"|/proc|/proc/*|/dev|/dev/*|/sys|/sys/*) ;; *) mount -o remount,bind,ro "$point" ;; esac
done
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp
user=$2
shift 2
exec setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
"""


def confined(volume: Path, user: int, argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` as `user` with a read-only root; `volume` and /tmp can be written."""
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", _CONFINE, "sh", str(volume), str(user), *argv]


def not_permitted(folder: Path, user: int) -> str:
    """Return why nothing can be confined on this machine; empty where it can."""
    missing = [name for name in NEEDS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is not here"
    tried = subprocess.run(confined(folder, user, ["true"]), capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else f"making a mount namespace is not permitted: {tried.stderr.strip()[:200]}"


class Mount(NamedTuple):
    """A mount as a process sees it."""

    point: str
    read_only: bool


def mounts_of(pid: int) -> list[Mount]:
    """Return the mounts that a process sees, without those of the kernel."""
    lines = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines()
    found = [Mount(fields[4], "ro" in fields[5].split(",")) for fields in map(str.split, lines)]
    return [one for one in found if not one.point.startswith(KERNEL)]


def status_of(pid: int) -> dict[str, str]:
    """Return what the kernel says of a process: its users, groups and capabilities."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
