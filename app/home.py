"""The home's lock: one process at a time writes the embedded log, and the next one is told who that is."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from app.errors import HomeHeldError, SettingsError

LOCK_NAME = "home.lock"


def spool_name(names: Sequence[str]) -> str:
    """Return what the spool of the named producers is called; of all, where none is named."""
    return "-".join(names) or "all"


def spool_lock(name: str) -> str:
    """Return the lock of the spool of the producers called `name`, which each has to itself beside a broker."""
    return f"spool-{name}.lock"


@contextmanager
def hold_home(home: Path, *, command: str, since: datetime, lock: str = LOCK_NAME) -> Iterator[None]:
    """Own `home`, making the folder where there is none, until the block ends; the kernel lets go where the process is killed.

    Another `lock` owns one thing in the home, such as a producer's spool, and leaves the rest to others.

    Raises HomeHeldError with the holder's process, command and start; SettingsError where the folder cannot be written.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"WATCHDESK_HOME: cannot write in {home}: {error.strerror}") from error
    try:
        _lock(descriptor, home, lock)
        _write(descriptor, {"pid": os.getpid(), "command": command, "since": since.isoformat(timespec="seconds")})
        try:
            yield
        finally:
            _write(descriptor, {})
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path, lock: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what = f"the home {home}" if lock == LOCK_NAME else f"{lock.removesuffix('.lock')} in the home {home}"
        raise HomeHeldError(f"{what} is held by {_holder(descriptor)}; stop it, or set WATCHDESK_HOME") from None
    except OSError as error:
        raise SettingsError(f"WATCHDESK_HOME: {home} cannot be locked: {error.strerror}") from error


def _write(descriptor: int, said: dict[str, int | str]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(said).encode(), 0)


def _holder(descriptor: int) -> str:
    """Return who the lock file says holds it; what it says may be half written."""
    try:
        said = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {said['pid']} (watchdesk {said['command']}, since {said['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
