"""The stream port on Kafka: what `kafka` makes bounded, put together into readers that notice a loss and mend themselves."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from app.clock import Clock
from app.errors import SettingsError, Unavailable
from app.streams.kafka import Connection, Consumer, Producer, read_one
from app.streams.kafka_topics import TopicCheck
from app.streams.port import Bounds, OffsetGone, Outgoing, Reader, StreamRecord
from app.streams.settings import StreamSettings
from app.streams.topics import TOPICS, Topic, check_sizes

POLL_SECONDS = 0.1
AHEAD = 2_000  # records taken from the client at a time; `read` hands them out by its own limit
CHECK_SECONDS = 5.0  # how often an empty reader asks the broker whether it should be empty
STUCK_SECONDS = 60.0  # records waiting, none coming, and the broker answers: the client has died silently

log = logging.getLogger(__name__)


class KafkaReader:
    """See `app.streams.port.Reader`. The first read after a change of assignment returns nothing, so the change is seen before its records."""

    def __init__(self, connection: Connection, topic: str, group: str, *, stuck_seconds: float = STUCK_SECONDS) -> None:
        self._connection = connection
        self._clock = connection.clock
        self._topic = topic
        self._group = group
        self._stuck_seconds = stuck_seconds
        self._consumer: Consumer | None = None
        self._assigned: frozenset[int] | None = None
        self._generation = 0
        self._seen_generation = 0
        self._buffer: deque[StreamRecord] = deque()
        self._positions: dict[int, int] = {}
        self._read_at = self._quiet_since = self._checked_at = self._clock.monotonic()

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def assignment(self) -> frozenset[int]:
        return self._assigned or frozenset()

    async def join(self) -> None:
        consumer = Consumer(self._connection, self._topic, self._group, self._change)
        await consumer.start()
        self._consumer = consumer

    async def leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._change(None)
        if consumer is not None:
            await consumer.stop()

    async def read(self, limit: int) -> list[StreamRecord]:
        await self._check_life()
        if self._generation != self._seen_generation:
            self._seen_generation = self._generation
            return []
        if not self._buffer:
            await self._fill(POLL_SECONDS)
        if self._generation != self._seen_generation or not self._assigned:
            return []
        taken = [self._buffer.popleft() for _ in range(min(limit, len(self._buffer)))]
        self._positions.update({record.partition: record.offset + 1 for record in taken})
        if taken:
            self._quiet_since = self._clock.monotonic()
        return taken

    async def wait(self, seconds: float) -> None:
        if self._buffer or self._generation != self._seen_generation:
            return
        try:
            await self._fill(seconds)
        except (OffsetGone, Unavailable):
            return  # the next read meets it again and raises it

    async def seek(self, partition: int, offset: int) -> None:
        if partition in self.assignment:
            self._buffer = deque(record for record in self._buffer if record.partition != partition)
            self._positions[partition] = offset
            (await self._joined()).seek(partition, offset)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        ours = {partition: offset for partition, offset in offsets.items() if partition in self.assignment}
        if ours and self._consumer is not None:
            await self._consumer.commit(ours)

    async def committed(self) -> dict[int, int]:
        return await (await self._joined()).committed(sorted(self.assignment)) if self.assignment else {}

    async def peek(self, partition: int, offset: int) -> StreamRecord | None:
        bounds = await self.bounds(partition)
        if not bounds.oldest <= offset < bounds.end:
            return None
        return await read_one(self._connection, self._topic, partition, offset)

    async def bounds(self, partition: int) -> Bounds:
        return (await (await self._joined()).bounds([partition]))[partition]

    async def lag(self) -> int:
        if not self.assignment:
            return 0
        partitions = sorted(self.assignment)
        consumer = await self._joined()
        bounds = await consumer.bounds(partitions)
        unread = [partition for partition in partitions if partition not in self._positions]
        starts = (await consumer.committed(unread) if unread else {}) | self._positions
        return sum(max(0, bounds[partition].end - starts.get(partition, 0)) for partition in partitions)

    def _change(self, assigned: frozenset[int] | None) -> None:
        self._assigned = assigned
        self._generation += 1
        self._buffer.clear()
        self._positions.clear()
        self._quiet_since = self._clock.monotonic()

    async def _joined(self) -> Consumer:
        if self._consumer is None:
            await self.join()
        assert self._consumer is not None  # noqa: S101 - join set it or raised
        return self._consumer

    async def _fill(self, seconds: float) -> None:
        consumer = await self._joined()
        generation = self._generation
        try:
            if self._assigned is not None and not self._assigned:
                await (
                    consumer.knows_topic()
                )  # a group that met a broker without metadata was given nothing, for five minutes
            records = await consumer.poll(AHEAD, seconds)
        except Unavailable:
            await self.leave()  # what poll raises, the client does not mend by itself
            raise
        if generation == self._generation:
            self._buffer.extend(records)
            return
        for partition in {record.partition for record in records} & self.assignment:
            consumer.seek(partition, min(record.offset for record in records if record.partition == partition))

    async def _check_life(self) -> None:
        """While nothing comes, ask whether something should: raise Unavailable where the broker is away, rejoin where the client is dead."""
        now = self._clock.monotonic()
        if now - self._read_at > CHECK_SECONDS:
            self._quiet_since = now  # nobody read for a while: that nothing came says nothing
        self._read_at = now
        if now - self._quiet_since < CHECK_SECONDS or now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        await (await self._joined()).ping()
        joining = self._assigned is None
        if not joining and not await self.lag():
            self._quiet_since = self._clock.monotonic()
        elif now - self._quiet_since >= self._stuck_seconds:
            log.warning(
                "reader of %s as %s got nothing for %g s: joining anew", self._topic, self._group, self._stuck_seconds
            )
            await self.leave()


class KafkaStream:
    """See `app.streams.port.Stream`. Opening never fails for a broker that is away: the first use that finds it there checks the topics."""

    def __init__(self, connection: Connection, check: TopicCheck) -> None:
        self._connection = connection
        self._producer = Producer(connection)
        self._check = check

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        check_sizes(topic, records)
        await self._check.done()
        if records:
            await self._producer.publish(topic, records)

    def reader(self, topic: str, group: str) -> AbstractAsyncContextManager[Reader]:
        return self._reader(topic, group)

    async def ping(self) -> None:
        await self._check.done()
        await self._producer.ping()

    async def close(self) -> None:
        await self._producer.close()

    @asynccontextmanager
    async def _reader(self, topic: str, group: str) -> AsyncIterator[KafkaReader]:
        await self._check.done()
        reader = KafkaReader(self._connection, topic, group)
        await reader.join()
        try:
            yield reader
        finally:
            await reader.leave()


@asynccontextmanager
async def open_kafka(
    settings: StreamSettings, clock: Clock, topics: Sequence[Topic] = TOPICS
) -> AsyncIterator[KafkaStream]:
    """Open the stream on the broker that the settings name; create the topics that it lacks.

    Raises SettingsError where a topic is there and cannot serve, naming it and the command that mends it.
    """
    if settings.kafka is None:
        raise SettingsError("the settings name no broker")
    if settings.kafka.request_timeout <= settings.kafka.session_timeout:
        # A join waits for the group up to the session timeout: a shorter request would give up, join again, and never settle.
        raise SettingsError("the request timeout must be longer than the session timeout")
    connection = Connection(settings.kafka, clock)
    stream = KafkaStream(connection, TopicCheck(connection, settings, topics))
    try:
        try:
            await stream.ping()
        except Unavailable as error:
            log.warning("the broker is away, going on without: %s", error.detail)
        yield stream
    finally:
        await stream.close()
