"""The gazetteer's file: built once into the home, then mapped. A file that is not whole is never opened and never replaces one that is."""

from __future__ import annotations

import asyncio
import gc
import mmap
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from app.domain.gazetteer import Gazetteer
from app.domain.gazetteer_index import VERSION, build_index
from app.errors import GazetteerError
from app.gazetteer_sources import tables_digest

POLL_S = 0.1  # how soon a build that is given up ends
NAME = f"gazetteer-v{VERSION}.bin"

Progress = Callable[[str, int, int], None]
"""Told (step, done, total) while a gazetteer is built; total is 0 where it is not known."""


def open_gazetteer(path: Path) -> Gazetteer:
    """Return the gazetteer in `path`, mapped read-only; raise GazetteerError where it is missing, foreign or not whole."""
    try:
        with path.open("rb") as file:
            buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise GazetteerError(f"{path} is not there: run `watchdesk gazetteer build`") from error
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise GazetteerError(f"{path} cannot be opened: {error}") from error
    try:
        return Gazetteer(memoryview(buffer))
    except (ValueError, KeyError) as error:
        raise GazetteerError(f"{path}: {error}; run `watchdesk gazetteer build`") from error


def default_path(home: Path) -> Path:
    """Return where a home keeps its gazetteer."""
    return home / "cache" / NAME


def default_gazetteer(
    home: Path, progress: Progress | None = None, given_up: threading.Event | None = None
) -> Gazetteer:
    """Return the home's gazetteer; build it first where there is none that can be opened, or its packaged tables have changed.

    One that somebody built with tables of his own is never replaced unasked.
    """
    ready = _ready_gazetteer(home)
    if ready is not None:
        return ready
    path = default_path(home)
    build_gazetteer(path, progress=progress, given_up=given_up)
    for old in path.parent.glob("gazetteer-v*.bin"):  # of other versions: 50 MB each that nothing reads any more
        if old != path:
            old.unlink(missing_ok=True)
    return open_gazetteer(path)


async def prepare_gazetteer(home: Path, building: Callable[[], None]) -> Gazetteer:
    """Return the home's gazetteer as `default_gazetteer` does, while the event loop goes on; `building` is called before a build.

    Cancelled, it ends the build within a moment and leaves nothing of it.
    """
    ready = await asyncio.to_thread(_ready_gazetteer, home)
    if ready is not None:
        return ready
    building()
    given_up = threading.Event()
    work = asyncio.get_running_loop().run_in_executor(None, default_gazetteer, home, None, given_up)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        given_up.set()
        await asyncio.wait({work})
        work.exception()  # it was given up, or ended just before
        raise


def _ready_gazetteer(home: Path) -> Gazetteer | None:
    """Return the home's gazetteer where it can be opened and is of these tables."""
    try:
        gazetteer = open_gazetteer(default_path(home))
    except GazetteerError:
        return None
    current = gazetteer.facts.get("extra") or gazetteer.facts.get("digest") == tables_digest()
    return gazetteer if current else None


def build_gazetteer(
    path: Path,
    *,
    extra: Sequence[Path] = (),
    progress: Progress | None = None,
    given_up: threading.Event | None = None,
) -> None:
    """Build the gazetteer into `path`, whole or not at all; raise GazetteerError where an extra file cannot be used, or it was given up.

    The work is done in a child, because reading the sources takes half a gigabyte that a long-lived process would keep.
    """
    _refuse_unwritable(path)  # first: half a minute of work would be lost
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=_build, args=(theirs, os.fspath(path), [os.fspath(file) for file in extra]), daemon=True
    )
    child.start()
    theirs.close()
    try:
        _follow(ours, progress, given_up)
    except BaseException:
        child.kill()
        child.join()
        _beside(path, child.pid).unlink(missing_ok=True)
        raise
    finally:
        ours.close()
        child.join()


def _follow(ours: Connection, progress: Progress | None, given_up: threading.Event | None) -> None:
    """Pass on what the child tells until it is done; raise what it could not do."""
    while True:
        while not ours.poll(POLL_S):
            if given_up is not None and given_up.is_set():
                raise GazetteerError("building the gazetteer was given up")
        try:
            kind, step, done, total = ours.recv()
        except EOFError as error:
            raise GazetteerError("building the gazetteer ended before it was done") from error
        if kind == "error":
            raise GazetteerError(step)
        if kind == "done":
            return
        if progress:
            progress(step, done, total)


def _build(theirs: Connection, path: str, extra: list[str]) -> None:
    """Run in the child: gather, build, write; the pipe carries plain tuples."""
    from app.gazetteer_sources import gather  # noqa: PLC0415 - only the child needs the sources

    for number in (signal.SIGINT, signal.SIGTERM):  # meant for all of us: who started this ends it in order
        signal.signal(number, signal.SIG_IGN)
    gc.disable()  # millions of objects, no rings, a short life: collecting would cost a fifth of the time
    try:
        rows, facts = gather([Path(file) for file in extra], lambda step: theirs.send(("step", step, 0, 0)))
        index = build_index(rows, facts, lambda step, done, total: theirs.send(("step", step, done, total)))
        write_whole(Path(path), index)
    except GazetteerError as error:
        theirs.send(("error", error.detail, 0, 0))
    except OSError as error:
        theirs.send(("error", _unwritable(Path(path), error), 0, 0))
    else:
        theirs.send(("done", "", 0, 0))


def _refuse_unwritable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe = _beside(path, os.getpid())
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise GazetteerError(_unwritable(path, error)) from error


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror}"


def _beside(path: Path, pid: int | None) -> Path:
    """Return where the process writes what is to take the place of `path`."""
    return path.with_name(f".{path.name}.{pid}")


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, through a crash as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path, os.getpid())
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
