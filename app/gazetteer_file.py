"""The gazetteer's file: built once into the home, then mapped. A file that is not whole is never opened and never replaces one that is."""

from __future__ import annotations

import gc
import mmap
import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from app.domain.gazetteer import Gazetteer
from app.domain.gazetteer_index import VERSION, build_index
from app.errors import GazetteerError
from app.gazetteer_sources import tables_digest

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


def default_gazetteer(home: Path, progress: Progress | None = None) -> Gazetteer:
    """Return the home's gazetteer; build it first where there is none that can be opened, or its packaged tables have changed.

    One that somebody built with tables of his own is never replaced unasked.
    """
    path = default_path(home)
    try:
        gazetteer = open_gazetteer(path)
        if gazetteer.facts.get("extra") or gazetteer.facts.get("digest") == tables_digest():
            return gazetteer
    except GazetteerError:
        pass
    build_gazetteer(path, progress=progress)
    for old in path.parent.glob("gazetteer-v*.bin"):  # of other versions: 50 MB each that nothing reads any more
        if old != path:
            old.unlink(missing_ok=True)
    return open_gazetteer(path)


def build_gazetteer(path: Path, *, extra: Sequence[Path] = (), progress: Progress | None = None) -> None:
    """Build the gazetteer into `path`, whole or not at all; raise GazetteerError where an extra file cannot be used.

    The work is done in a child, because reading the sources takes half a gigabyte that a long-lived process would keep.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=_build, args=(theirs, os.fspath(path), [os.fspath(file) for file in extra]), daemon=True
    )
    child.start()
    theirs.close()
    try:
        _follow(ours, progress)
    finally:
        ours.close()
        child.join(5)
        if child.is_alive():
            child.kill()
            child.join()


def _follow(ours: Connection, progress: Progress | None) -> None:
    """Pass on what the child tells until it is done; raise what it could not do."""
    while True:
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

    gc.disable()  # millions of objects, no rings, a short life: collecting would cost a fifth of the time
    try:
        rows, facts = gather([Path(file) for file in extra], lambda step: theirs.send(("step", step, 0, 0)))
        index = build_index(rows, facts, lambda step, done, total: theirs.send(("step", step, done, total)))
        write_whole(Path(path), index)
    except GazetteerError as error:
        theirs.send(("error", error.detail, 0, 0))
    except OSError as error:
        theirs.send(("error", f"{path} cannot be written: {error.strerror}", 0, 0))
    else:
        theirs.send(("done", "", 0, 0))


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: readers see the old file or the new one, through a crash as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
