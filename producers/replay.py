"""Recorded posts from files of JSON lines: at any speed, resumable, and once only.

The resume token (which file, how far, how late it was there) is written in one transaction with the lines that it covers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.clock import Clock
from app.crash import crash_point
from app.domain.posts import GapLine, parse_line, sketch_line
from app.domain.replay_clock import FOLLOWING, ReplayClock, first_time, leap_holds
from app.errors import UserError
from app.messages import Gap, Marks, Post, Quarantined, RunStart
from producers.lines import Line, file_identity, read_lines, tail_hash
from producers.spool import Draft, Entry, Spool

BATCH = 500
LOOK_AHEAD = 10_000  # lines that are held at most while the next dated ones are looked for
SHORTEST_SLEEP_S = 0.02  # below this a paced replay goes on without a pause
BATCH_BYTES = 8 * 1024 * 1024
NAMES_IN_RECORD = 30_000  # characters of source names in one RunStart; a file with more gets several
SCAN_YIELD = 2_000  # lines of the first pass after which others may run

INDEX = "replays"  # state: which files were begun, as [hash, hashed bytes] pairs


class ReplayOptions(NamedTuple):
    """`speed`: recorded seconds per second, None as fast as it goes. `deliver` and `history` become marks of the items."""

    speed: float | None = None
    deliver: bool = False
    history: bool = False
    exercise: bool = False

    @property
    def marks(self) -> Marks:
        return Marks(history=self.history, no_deliver=not self.deliver, exercise=self.exercise)


class Progress(NamedTuple):
    """How far a file is: `scanning` is the first pass, which counts no items."""

    path: Path
    position: int
    size: int
    scanning: bool
    items: int


class Replayed(NamedTuple):
    """What one call added of one file; nothing but zeros where the spool knew it to its end. `resumed_at` is a byte offset."""

    path: Path
    run: str
    posts: int = 0
    quarantined: int = 0
    gaps: int = 0
    empty_lines: int = 0
    resumed_at: int = 0


class Token(msgspec.Struct, frozen=True):
    """Where a file stands: `maximum` is the running maximum of its times; `line_start` where an unterminated last line begins."""

    run: str
    hashed: int
    offset: int
    maximum: datetime
    tail: str
    line_start: int | None = None


class _Read(NamedTuple):
    line: Line
    content: Post | GapLine | Quarantined | None

    @property
    def dated(self) -> datetime | None:
        return self.content.created_at if isinstance(self.content, Post) else None


ShowProgress = Callable[[Progress], None]


async def replay(
    paths: Sequence[Path],
    spool: Spool,
    clock: Clock,
    options: ReplayOptions | None = None,
    progress: ShowProgress | None = None,
) -> list[Replayed]:
    """Take the files in, one after the other; return what each added. Raises UserError where one cannot be read."""
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path} is not a file" if path.exists() else f"there is no file {path}")
    return [await _File(path, spool, clock, options or ReplayOptions(), progress).play() for path in paths]


class _File:
    """One file on its way into the spool."""

    def __init__(
        self, path: Path, spool: Spool, clock: Clock, options: ReplayOptions, progress: ShowProgress | None
    ) -> None:
        self._path = path
        self._spool = spool
        self._clock = clock
        self._options = options
        self._progress = progress
        self._source = f"replay:{path.name}"[:200]
        self._key = ""
        self._hashed = 0
        self._counts = dict.fromkeys(("posts", "quarantined", "gaps", "empty_lines"), 0)

    async def play(self) -> Replayed:
        try:
            token = await self._resume()
            size = self._path.stat().st_size
            if token is not None and token.offset >= size:
                return Replayed(self._path, token.run, resumed_at=token.offset)
            sources, first = await self._scan(size)
            start = token.maximum if token else first or self._clock.now()
            run = token.run if token else self._key.removeprefix("replay:")[:16]
            await self._begin(run, sources, first or start, start)
            offset = 0 if token is None else token.offset if token.line_start is None else token.line_start
            await self._play_from(offset, run, ReplayClock(start), size)
        except OSError as error:
            raise UserError(f"{self._path} cannot be read: {error.strerror}") from error
        return Replayed(self._path, run, **self._counts, resumed_at=offset)

    async def _resume(self) -> Token | None:
        """Find the token of this very file: same beginning, same bytes before the offset. A file that has grown since is found too."""
        digest, self._hashed = file_identity(self._path)
        self._key = f"replay:{digest}"
        size = self._path.stat().st_size
        known: list[tuple[str, int]] = msgspec.json.decode(await self._spool.state(INDEX) or b"[]")
        best: Token | None = None
        digests = {hashed: file_identity(self._path, hashed)[0] for hashed in {hashed for _, hashed in known}}
        for known_digest, hashed in known:
            if hashed > size or digests[hashed] != known_digest:
                continue
            stored = await self._spool.state(f"replay:{known_digest}")
            token = msgspec.json.decode(stored, type=Token) if stored else None
            if token is None or token.offset > size or tail_hash(self._path, token.offset) != token.tail:
                continue
            if best is None or token.offset > best.offset:
                best, self._key, self._hashed = token, f"replay:{known_digest}", hashed
        return best

    async def _scan(self, size: int) -> tuple[list[str], datetime | None]:
        """Read the file once, cheaply: which sources have a line in it, and when it begins."""
        sources: dict[str, None] = {}
        dates: list[datetime] = []
        first: datetime | None = None
        wall = self._clock.now()
        with self._path.open("rb") as file:
            for number, line in enumerate(read_lines(file, 0), 1):
                sketch = sketch_line(line.raw, received_at=wall)
                if sketch is not None:
                    sources[sketch.source] = None
                    if first is None and sketch.created_at is not None:
                        dates.append(sketch.created_at)
                        if len(dates) > FOLLOWING:
                            first = dates[0] if leap_holds(dates[0], dates[1:]) else None
                            dates.pop(0)
                if number % SCAN_YIELD == 0:
                    self._show(line.end, size, scanning=True)
                    await asyncio.sleep(0)
        return list(sources), first or first_time(dates)

    async def _begin(self, run: str, sources: Sequence[str], start: datetime, seen_at: datetime) -> None:
        known: list[tuple[str, int]] = msgspec.json.decode(await self._spool.state(INDEX) or b"[]")
        mine = (self._key.removeprefix("replay:"), self._hashed)
        if mine not in [tuple(pair) for pair in known]:
            known.append(mine)
        records = [RunStart(run, tuple(part), start, seen_at) for part in _parts(sources)]
        await self._spool.append(records, state={INDEX: msgspec.json.encode(known)})
        crash_point("replay.after_coverage")

    async def _play_from(self, offset: int, run: str, now: ReplayClock, size: int) -> None:
        pace = _Pace(self._clock, self._options.speed)
        pace.until(now.now)
        batch: list[Entry] = []
        empty = held = 0
        ahead = _Ahead(self._path, offset, self._clock)
        with closing(ahead):
            for read in ahead:
                before = now.now
                seen_at = now.read(read.dated, ahead.dates)
                if seen_at > before and (pause := pace.until(seen_at)) > SHORTEST_SLEEP_S:
                    await self._flush(batch, empty, (run, before, ahead.passed))
                    batch, empty, held = [], 0, 0
                    await self._clock.sleep(pause)
                entry = self._entry(read, run, seen_at)
                empty += entry is None
                batch.extend([entry] if entry is not None else [])
                ahead.passed = read.line
                held += len(read.line.raw)
                if len(batch) + empty >= BATCH or held >= BATCH_BYTES:
                    await self._flush(batch, empty, (run, now.now, ahead.passed))
                    batch, empty, held = [], 0, 0
                    self._show(read.line.end, size, scanning=False)
            await self._flush(batch, empty, (run, now.now, ahead.passed))
        self._show(size, size, scanning=False)
        await self._spool.say_head()

    def _entry(self, read: _Read, run: str, seen_at: datetime) -> Entry | None:
        match read.content:
            case None:
                self._counts["empty_lines"] += 1
                return None
            case GapLine(source, start, end, reason):
                self._counts["gaps"] += 1
                return Gap(start, end, reason, seen_at, source=source, run=run)
            case content:
                self._counts["posts" if isinstance(content, Post) else "quarantined"] += 1
                return Draft(self._source, seen_at, content, read.line.raw, self._options.marks, run)

    async def _flush(self, batch: Sequence[Entry], empty: int, stand: tuple[str, datetime, Line | None]) -> None:
        run, maximum, line = stand
        if line is None or not (batch or empty):
            return
        token = Token(
            run=run,
            hashed=self._hashed,
            offset=line.end,
            maximum=maximum,
            tail=tail_hash(self._path, line.end),
            line_start=None if line.terminated else line.start,
        )
        await self._spool.append(batch, state={self._key: msgspec.json.encode(token)}, empty_lines=empty)

    def _show(self, position: int, size: int, *, scanning: bool) -> None:
        if self._progress is not None:
            items = self._counts["posts"] + self._counts["quarantined"]
            self._progress(Progress(self._path, position, size, scanning, items))


class _Ahead:
    """The lines of a file, parsed, with a look at the dates of those that follow."""

    def __init__(self, path: Path, offset: int, clock: Clock) -> None:
        self.passed: Line | None = None
        self._file = path.open("rb")
        self._lines = read_lines(self._file, offset)
        self._clock = clock
        self._held: deque[_Read] = deque()

    def __iter__(self) -> Iterator[_Read]:
        while self._held or self._pull():
            yield self._held.popleft()

    def dates(self) -> list[datetime]:
        """Return the times of the next dated lines, as many as a leap needs."""
        found = [read.dated for read in self._held if read.dated is not None]
        while len(found) < FOLLOWING and len(self._held) < LOOK_AHEAD and self._pull():
            if (at := self._held[-1].dated) is not None:
                found.append(at)
        return found[:FOLLOWING]

    def close(self) -> None:
        self._file.close()

    def _pull(self) -> bool:
        line = next(self._lines, None)
        if line is None:
            return False
        self._held.append(_Read(line, parse_line(line.raw, received_at=self._clock.now())))
        return True


class _Pace:
    """When a recorded time is due, at `speed` recorded seconds per second from the first one on."""

    def __init__(self, clock: Clock, speed: float | None) -> None:
        self._clock = clock
        self._speed = speed
        self._zero: tuple[datetime, float] | None = None

    def until(self, seen_at: datetime) -> float:
        """Return the seconds to wait until `seen_at` is due; 0 or less: it is."""
        if self._speed is None:
            return 0.0
        if self._zero is None:
            self._zero = (seen_at, self._clock.monotonic())
        began, zero = self._zero
        return (seen_at - began).total_seconds() / self._speed - (self._clock.monotonic() - zero)


def _parts(sources: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    length = 0
    for source in sources:
        if length + len(source) > NAMES_IN_RECORD and parts[-1]:
            parts.append([])
            length = 0
        parts[-1].append(source)
        length += len(source)
    return parts
