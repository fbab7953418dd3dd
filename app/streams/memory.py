"""The stream in memory: for tests and for runs that keep nothing. It holds the same contract as the others, save durability."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from app.clock import Clock
from app.streams.local_reader import PARTITION, LocalGroups
from app.streams.port import Bounds, Outgoing, Reader, StreamRecord
from app.streams.topics import check_sizes, retention_of


@dataclass(slots=True)
class _Topic:
    oldest: int = 0
    records: list[StreamRecord] = field(default_factory=list)

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.oldest, self.oldest + len(self.records))


class MemoryStream:
    """See `app.streams.port.Stream`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._offsets: dict[tuple[str, str], int] = {}
        self._groups = LocalGroups(self, clock)

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        check_sizes(topic, records)
        log = self._topics.setdefault(topic, _Topic())
        now = self._clock.now().timestamp()
        first = log.bounds.end
        log.records.extend(
            StreamRecord(topic, PARTITION, first + i, key, value, now) for i, (key, value) in enumerate(records)
        )
        self._groups.wake((topic,))

    def reader(self, topic: str, group: str) -> AbstractAsyncContextManager[Reader]:
        return self._groups.join(topic, group)

    async def ping(self) -> None:
        """Memory is always there."""

    async def expire(self, now: datetime, *, hold_for: Collection[str] = ()) -> dict[str, int]:
        """See `SqliteLog.expire`."""
        gone: dict[str, int] = {}
        for name, log in self._topics.items():
            cut = now.timestamp() - retention_of(name).total_seconds()
            held = [offset for (topic, group), offset in self._offsets.items() if topic == name and group in hold_for]
            limit = min(held, default=0) if hold_for else log.bounds.end
            keep = next((r.offset for r in log.records if cut <= r.appended_at <= now.timestamp()), log.bounds.end)
            count = max(0, min(keep, limit) - log.oldest)
            if count:
                del log.records[:count]
                log.oldest += count
                gone[name] = count
        return gone

    async def fetch(self, topic: str, offset: int, limit: int) -> tuple[Bounds, list[StreamRecord]]:
        log = self._topics.get(topic) or _Topic()
        start = max(0, offset - log.oldest)
        return log.bounds, log.records[start : start + limit]

    async def bounds(self, topic: str) -> Bounds:
        return (self._topics.get(topic) or _Topic()).bounds

    async def load_offset(self, topic: str, group: str) -> int | None:
        return self._offsets.get((topic, group))

    async def save_offset(self, topic: str, group: str, offset: int) -> None:
        self._offsets[topic, group] = offset


@asynccontextmanager
async def open_memory(clock: Clock) -> AsyncIterator[MemoryStream]:
    yield MemoryStream(clock)
