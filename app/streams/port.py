"""The stream port: what producers and consumers ask of a log, whichever adapter carries it.

A topic has partitions; a record has an offset within its partition. Delivery is at least once: a reader that restarts sees
again what it had not committed, so everything downstream is idempotent by id. Offsets name the *next* record to read.
An adapter that cannot reach its broker raises `Unavailable("broker", ...)` within its own deadline; nothing hangs for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol


class Outgoing(NamedTuple):
    """A record to publish: records of one key keep their order."""

    key: str
    value: bytes


class StreamRecord(NamedTuple):
    """A record as read. `appended_at` is the log's own wall time, seconds since the epoch."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    appended_at: float


class Bounds(NamedTuple):
    """The oldest offset that still stands in a partition, and the offset after its last record."""

    oldest: int
    end: int


class Reader(Protocol):
    """One member of a group on one topic.

    `generation` changes whenever the set of assigned partitions changes, also when the same partitions come back after they
    were lost. A consumer that keeps memory compares it before each batch and reloads when it differs. After a change each
    assigned partition stands at the group's committed offset (0 where there is none) until `seek` moves it.
    """

    @property
    def generation(self) -> int: ...

    @property
    def assignment(self) -> frozenset[int]: ...

    async def read(self, limit: int) -> list[StreamRecord]:
        """Return up to `limit` records from the assigned partitions, in order within each; empty when there is nothing now.

        Returns at once or within a short poll (<= 0.2 s). Moves the position, not the committed offset.
        Raises `OffsetGone` when the position points at records that were deleted unread, or beyond the end.
        """
        ...

    async def wait(self, seconds: float) -> None:
        """Return when something may have arrived, or after `seconds`: a hint, never a promise."""
        ...

    async def seek(self, partition: int, offset: int) -> None:
        """Set the position of an assigned partition."""
        ...

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Store the next offset per partition for the group, bounded in time. A lost assignment makes it a no-op."""
        ...

    async def committed(self) -> dict[int, int]:
        """Return the group's committed next offset per assigned partition; absent where nothing was committed."""
        ...

    async def peek(self, partition: int, offset: int) -> StreamRecord | None:
        """Return the record at `offset` without moving the position; None where it is not there."""
        ...

    async def bounds(self, partition: int) -> Bounds: ...

    async def lag(self) -> int:
        """Return how many records of the assigned partitions stand after the position."""
        ...


class OffsetGone(Exception):  # noqa: N818 - an instruction: count the hole, write a gap row, seek
    """The position is outside of what stands. Before `oldest`: records expired unread. Beyond the end: this is another log than the one we left."""

    def __init__(self, topic: str, partition: int, position: int, oldest: int) -> None:
        self.topic = topic
        self.partition = partition
        self.position = position
        self.oldest = oldest
        super().__init__(f"{topic}/{partition}: offset {position} is gone, the oldest is {oldest}")


class Stream(Protocol):
    """A log of topics. Opened by `app.streams.open.open_stream`, closed by leaving its context."""

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Append the records in order; when this returns they are durable. On an error the outcome is unknown: publish again, ids absorb it.

        Raises Invalid, with nothing sent, when a record exceeds MAX_RECORD_BYTES.
        """
        ...

    def reader(self, topic: str, group: str) -> AbstractAsyncContextManager[Reader]:
        """Join `group` on `topic`. Leaving the context leaves the group at once."""
        ...

    async def ping(self) -> None:
        """Raise `Unavailable` when the log cannot be reached now."""
        ...
