"""The reader of the adapters that live in this process: one partition, members of a group in the order in which they joined.

The first member of a group holds the partition, the others stand by; when it leaves, the next one gets it. Two processes on one
log are kept apart by the lock on the home (or on the spool), not here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from app.clock import Clock
from app.streams.port import Bounds, OffsetGone, StreamRecord

PARTITION = 0
POLL_SECONDS = 0.25  # how soon a record of another process is noticed; our own wake us at once


class LocalStore(Protocol):
    """What a reader asks of the records. `fetch` returns the bounds as they were when the records were read."""

    async def fetch(self, topic: str, offset: int, limit: int) -> tuple[Bounds, list[StreamRecord]]: ...

    async def bounds(self, topic: str) -> Bounds: ...

    async def load_offset(self, topic: str, group: str) -> int | None: ...

    async def save_offset(self, topic: str, group: str, offset: int) -> None: ...


class LocalGroups:
    """Who reads which topic in which group in this process."""

    def __init__(self, store: LocalStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._members: dict[tuple[str, str], list[LocalReader]] = {}

    @asynccontextmanager
    async def join(self, topic: str, group: str) -> AsyncIterator[LocalReader]:
        members = self._members.setdefault((topic, group), [])
        reader = LocalReader(self._store, self._clock, topic, group)
        members.append(reader)
        members[0].assign()
        try:
            yield reader
        finally:
            members.remove(reader)
            reader.revoke()
            if members:
                members[0].assign()

    def wake(self, topics: Sequence[str]) -> None:
        """Tell the readers of `topics` that records have arrived."""
        for (topic, _), members in self._members.items():
            if topic in topics:
                for reader in members:
                    reader.wake()


class LocalReader:
    """One member of a group; see `app.streams.port.Reader`."""

    def __init__(self, store: LocalStore, clock: Clock, topic: str, group: str) -> None:
        self._store = store
        self._clock = clock
        self._topic = topic
        self._group = group
        self._assigned = False
        self._generation = 0
        self._position: int | None = None
        self._arrived = asyncio.Event()

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def assignment(self) -> frozenset[int]:
        return frozenset({PARTITION}) if self._assigned else frozenset()

    def assign(self) -> None:
        if not self._assigned:
            self._assigned = True
            self._generation += 1
            self._position = None
            self._arrived.set()

    def revoke(self) -> None:
        if self._assigned:
            self._assigned = False
            self._generation += 1

    def wake(self) -> None:
        self._arrived.set()

    async def read(self, limit: int) -> list[StreamRecord]:
        self._arrived.clear()  # before the look: what arrives from here on ends the next wait at once
        if not self._assigned:
            return []
        generation = self._generation
        position = await self._current()
        bounds, records = await self._store.fetch(self._topic, position, limit)
        if generation != self._generation or position != self._position:
            return []  # revoked or moved while the records were on their way
        if not bounds.oldest <= position <= bounds.end:
            raise OffsetGone(self._topic, PARTITION, position, bounds.oldest)
        self._position = position + len(records)
        return records

    async def wait(self, seconds: float) -> None:
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            try:
                async with self._clock.timeout(min(left, POLL_SECONDS)):
                    await self._arrived.wait()
                    return
            except TimeoutError:
                if self._assigned and await self.lag() > 0:
                    return

    async def seek(self, partition: int, offset: int) -> None:
        if self._assigned and partition == PARTITION:
            self._position = offset
            self._arrived.set()

    async def commit(self, offsets: Mapping[int, int]) -> None:
        if self._assigned and PARTITION in offsets:
            await self._store.save_offset(self._topic, self._group, offsets[PARTITION])

    async def committed(self) -> dict[int, int]:
        if not self._assigned:
            return {}
        offset = await self._store.load_offset(self._topic, self._group)
        return {} if offset is None else {PARTITION: offset}

    async def peek(self, partition: int, offset: int) -> StreamRecord | None:
        if partition != PARTITION or offset < 0:
            return None
        _, records = await self._store.fetch(self._topic, offset, 1)
        return records[0] if records and records[0].offset == offset else None

    async def bounds(self, partition: int) -> Bounds:
        return await self._store.bounds(self._topic) if partition == PARTITION else Bounds(0, 0)

    async def lag(self) -> int:
        if not self._assigned:
            return 0
        position = await self._current()
        return max(0, (await self._store.bounds(self._topic)).end - position)

    async def _current(self) -> int:
        """Return the position; where none is set yet, take the group's committed offset, 0 without one."""
        if self._position is not None:
            return self._position
        generation = self._generation
        offset = await self._store.load_offset(self._topic, self._group) or 0
        if generation == self._generation and self._unset():
            self._position = offset
        return offset

    def _unset(self) -> bool:
        return self._position is None  # a seek may have come in between
