"""aiokafka, made bounded: every await has a deadline, every failure has a name of ours. `kafka_wire` apart, the only module that imports it.

What `kafka_stream` builds the port from: a producer that is replaced after any error, a consumer that never leaves its caller
waiting, and the look at topics. Idempotence stays off: with it a send never returns while the broker is away, and one refused record
wedges its partition; ids and upserts absorb what is sent twice.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    ProducerClosed,
    for_code,
)
from aiokafka.partitioner import murmur2

from app.clock import Clock
from app.errors import Unavailable
from app.streams.kafka_wire import join_requests_once, read_records_once
from app.streams.port import Bounds, OffsetGone, Outgoing, StreamRecord
from app.streams.settings import KafkaSettings

BATCH_BYTES = 512 * 1024  # of one produce request to a partition: 16 KB, the default, costs ten times the CPU a post
FETCH_BYTES = (
    512 * 1024
)  # of one partition in one fetch; a larger record still comes, alone. 2 MB cost a fifth more CPU a post
START_SECONDS = 10.0
PUBLISH_SECONDS = 10.0
SEND_SECONDS = 8.0  # aiokafka's own limit of a send, a little below ours so that its error names the cause
ASK_SECONDS = 5.0  # offsets, metadata
COMMIT_SECONDS = 3.0  # a lost commit is harmless: the next one covers it
STOP_SECONDS = 3.0
LOOK_SECONDS = 0.2  # between two looks for a topic that a broker which has just started does not name yet
_NO_HEADERS: list[tuple[str, bytes | None]] = []
KNOWN_KEYS = 100_000  # keys whose partition is remembered: murmur2 in Python costs 5-10 us


class Connection:
    """Where the broker is and how to speak to it; makes the clients."""

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self._options: dict[str, Any] = {
            "bootstrap_servers": list(settings.bootstrap),
            "client_id": "watchdesk",
            "security_protocol": settings.security_protocol,
        }
        if settings.security_protocol.endswith("SSL"):
            self._options["ssl_context"] = ssl.create_default_context(cafile=settings.ca_file)
        if settings.security_protocol.startswith("SASL"):
            self._options["sasl_mechanism"] = settings.sasl_mechanism
            self._options["sasl_plain_username"] = settings.username
            self._options["sasl_plain_password"] = settings.password

    @property
    def name(self) -> str:
        return ",".join(self.settings.bootstrap)

    @asynccontextmanager
    async def within(self, seconds: float, what: str) -> AsyncIterator[None]:
        """Bound the body; raise Unavailable("broker") where it takes longer or the client fails."""
        try:
            async with self.clock.timeout(seconds):
                yield
        except TimeoutError as error:
            raise Unavailable("broker", f"{self.name}: no answer to {what} within {seconds:g} s") from error
        except (KafkaError, OSError) as error:
            raise Unavailable("broker", f"{self.name}: {what} failed: {type(error).__name__}: {error}") from error

    def make_producer(self) -> Any:
        join_requests_once()
        return AIOKafkaProducer(
            **self._options,
            acks="all",
            enable_idempotence=False,
            compression_type=None if self.settings.compression == "none" else self.settings.compression,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=round(SEND_SECONDS * 1000),
        )

    def make_consumer(self, group: str | None) -> Any:
        settings = self.settings
        read_records_once()
        return AIOKafkaConsumer(
            **self._options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",  # the others jump over deleted records without a word
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),  # two would join the group four times over
            session_timeout_ms=round(settings.session_timeout * 1000),
            heartbeat_interval_ms=round(settings.heartbeat * 1000),
            request_timeout_ms=round(settings.request_timeout * 1000),
            max_partition_fetch_bytes=FETCH_BYTES,
        )

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Any]:
        client = AIOKafkaAdminClient(**self._options, request_timeout_ms=round(ASK_SECONDS * 1000))
        try:
            async with self.within(START_SECONDS, "a connection"):
                await client.start()
            yield client
        finally:
            with suppress(TimeoutError, KafkaError, OSError):
                async with self.clock.timeout(STOP_SECONDS):
                    await client.close()


class Producer:
    """Sends batches and waits for all replicas; after any error the next send gets a fresh client, so nothing stays wedged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: Any = None
        self._starting = asyncio.Lock()
        self._places: dict[int, dict[str, tuple[int, bytes]]] = {}  # by count of partitions and key: (partition, key)

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Send the records; when this returns all in-sync replicas have them. On an error any part of them may stand."""
        client = await self._started()
        try:
            async with self._connection.within(PUBLISH_SECONDS, f"a publish to {topic}"):
                count = len(await client.partitions_for(topic))
                sent = []
                for partition, batch in _batches(client, self._by_partition(records, count)):
                    future = await client.send_batch(batch, topic, partition=partition)
                    future.add_done_callback(_look_at)
                    sent.append(future)
                for future in sent:
                    await future
        except Unavailable:
            await self._discard(client)
            raise

    async def ping(self) -> None:
        client = await self._started()
        async with self._connection.within(ASK_SECONDS, "metadata"):
            await client.client.fetch_all_metadata()

    async def close(self) -> None:
        if self._client is not None:
            await self._discard(self._client)

    async def _started(self) -> Any:
        async with self._starting:
            if self._client is None:
                client = self._connection.make_producer()
                try:
                    async with self._connection.within(START_SECONDS, "a connection"):
                        await client.start()
                except BaseException:
                    await self._stop(client)
                    raise
                self._client = client
            return self._client

    async def _discard(self, client: Any) -> None:
        if self._client is client:
            self._client = None
            await self._stop(client)

    async def _stop(self, client: Any) -> None:
        """Stop without the flush that `stop` begins with: it waits for a broker that may be away, and our callers send again."""
        waiting, sender = client._message_accumulator, client._sender  # noqa: SLF001 - see above
        clock = self._connection.clock
        if sender.sender_task is not None:
            sender.sender_task.cancel()
            await _close(clock, client.client)  # what is under way fails now
            await _bounded(clock, asyncio.wait([sender.sender_task]))
        for batch in [*chain.from_iterable(waiting._batches.values()), *waiting._pending_batches]:  # noqa: SLF001
            batch.failure(ProducerClosed())
            _look_at(batch.future)
            _look_at(batch._drain_waiter)  # noqa: SLF001
        waiting._batches.clear()  # noqa: SLF001
        await _bounded(clock, client.stop())

    def _by_partition(self, records: Sequence[Outgoing], count: int) -> Mapping[int, Sequence[tuple[bytes, bytes]]]:
        """Group by partition as Java's default partitioner would, so that other clients find a key where we put it."""
        grouped: dict[int, list[tuple[bytes, bytes]]] = {}
        places = self._places.setdefault(count, {})
        for key, value in records:
            place = places.get(key)
            if place is None:
                if len(places) >= KNOWN_KEYS:
                    places.clear()
                encoded = key.encode()
                place = places[key] = ((murmur2(encoded) & 0x7FFFFFFF) % count, encoded)
            grouped.setdefault(place[0], []).append((place[1], value))
        return grouped


def _batches(client: Any, grouped: Mapping[int, Sequence[tuple[bytes, bytes]]]) -> Iterator[tuple[int, Any]]:
    """Yield (partition, full batch): one record a post, a request of up to BATCH_BYTES."""
    for partition, pairs in grouped.items():
        left = iter(pairs)
        waiting = next(left, None)
        while waiting is not None:
            batch = client.create_batch()
            append = batch._builder.append  # noqa: SLF001 - what `batch.append` adds to it costs as much again
            count = 0
            while waiting is not None and append(count, None, waiting[0], waiting[1], _NO_HEADERS) is not None:
                waiting = next(left, None)
                count += 1
            batch._relative_offset = count  # noqa: SLF001 - see above
            yield partition, batch


def _look_at(future: asyncio.Future[Any]) -> None:
    """Take the error of a send that nobody waits for any more, lest it is reported as never retrieved."""
    if not future.cancelled():
        future.exception()


async def _close(clock: Clock, client: Any) -> None:
    """Close the connections, and let go what waits for metadata: aiokafka leaves it waiting for ever."""
    await _bounded(clock, client.close())
    update = client._md_update_fut  # noqa: SLF001 - see above
    if update is not None and not update.done():
        update.set_result(False)


async def _bounded(clock: Clock, stopping: Awaitable[Any]) -> None:
    """Give `stopping` STOP_SECONDS, then cancel it; nothing of it reaches us, not even the cancellation of a task that it waits for."""
    task = asyncio.ensure_future(stopping)
    for _ in range(2):
        try:
            async with clock.timeout(STOP_SECONDS):
                await asyncio.wait([task])
            break
        except TimeoutError:
            task.cancel()
    if task.done():
        _look_at(task)


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """One member of a group on one topic. `on_change` is told the assigned partitions, None while the group sorts itself out."""

    def __init__(
        self, connection: Connection, topic: str, group: str, on_change: Callable[[frozenset[int] | None], None]
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._on_change = on_change
        self._client = connection.make_consumer(group)

    async def start(self) -> None:
        """Connect and begin to join; the partitions come later, through `on_change`.

        A leader that does not know the topic gives the whole group nothing and asks again after five minutes, so none joins before.
        """
        try:
            async with self._connection.within(START_SECONDS, f"a look for {self._topic}"):
                await self._client.start()
                while not await self.knows_topic():
                    await self._connection.clock.sleep(LOOK_SECONDS)
                self._client.subscribe([self._topic], listener=self)
        except BaseException:
            await self.stop()
            raise

    async def knows_topic(self) -> bool:
        """Tell whether this client knows partitions of the topic; where it does not, ask the broker. A group that learns of them sorts itself out."""
        if not self._client.partitions_for_topic(self._topic):
            known = self._client._client  # noqa: SLF001 - `topics` asks without keeping the answer
            async with self._connection.within(ASK_SECONDS, "metadata"):
                await known.set_topics([self._topic])
                await known.force_metadata_update()
        return bool(self._client.partitions_for_topic(self._topic))

    async def stop(self) -> None:
        """Leave the group; where the broker does not answer, drop the client with all its tasks."""
        client, clock = self._client, self._connection.clock
        await _bounded(clock, client.stop())
        # What a stop that was cut short leaves behind; each does nothing where there is nothing left.
        if client._coordinator is not None:  # noqa: SLF001
            for task in (client._coordinator._coordination_task, client._coordinator._heartbeat_task):  # noqa: SLF001
                if task is not None and not task.done():
                    task.cancel()
            await _bounded(clock, client._coordinator._stop_commit_offsets_refresh_task())  # noqa: SLF001
        if client._fetcher is not None and not client._fetcher._closed:  # noqa: SLF001
            await _bounded(clock, client._fetcher.close())  # noqa: SLF001
        await _close(clock, client._client)  # noqa: SLF001

    def on_partitions_revoked(self, revoked: object) -> None:
        del revoked
        self._on_change(None)

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        self._on_change(frozenset(at.partition for at in assigned))

    async def poll(self, limit: int, seconds: float) -> list[StreamRecord]:
        """Return what has arrived, after at most `seconds`; raise OffsetGone as the port says."""
        try:
            async with self._connection.clock.timeout(seconds + 0.1):
                found = await self._client.getmany(timeout_ms=round(seconds * 1000), max_records=limit)
        except TimeoutError:
            return []  # the group is being sorted out, which has no limit of its own
        except NoOffsetForPartitionError as error:
            self.seek(error.args[0].partition, 0)
            return []
        except OffsetOutOfRangeError as error:
            raise await self._gone(error) from error
        except (KafkaError, OSError) as error:
            raise Unavailable("broker", f"{self._connection.name}: a read failed: {type(error).__name__}") from error
        return list(chain.from_iterable(found.values()))

    def seek(self, partition: int, offset: int) -> None:
        with suppress(IllegalStateError):  # not ours any more
            self._client.seek(self._at(partition), offset)

    async def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit within COMMIT_SECONDS, at best: a partition that went meanwhile and a broker that is away are no errors."""
        wanted = {self._at(partition): offset for partition, offset in offsets.items()}
        with suppress(TimeoutError, CommitFailedError, KafkaError, OSError):
            async with self._connection.clock.timeout(COMMIT_SECONDS):
                await self._client.commit(wanted)

    async def committed(self, partitions: Sequence[int]) -> dict[int, int]:
        async with self._connection.within(ASK_SECONDS, "committed offsets"):
            answers = await asyncio.gather(*(self._client.committed(self._at(p)) for p in partitions))
        return {p: offset for p, offset in zip(partitions, answers, strict=True) if offset is not None}

    async def bounds(self, partitions: Sequence[int]) -> dict[int, Bounds]:
        asked = [self._at(partition) for partition in partitions]
        async with self._connection.within(ASK_SECONDS, "the bounds of a partition"):
            oldest = await self._client.beginning_offsets(asked)
            ends = await self._client.end_offsets(asked)
        return {at.partition: Bounds(oldest[at], ends[at]) for at in asked}

    async def ping(self) -> None:
        async with self._connection.within(ASK_SECONDS, "metadata"):
            await self._client._client.fetch_all_metadata()  # noqa: SLF001 - `topics` would hide which broker failed

    def _at(self, partition: int) -> Any:
        return TopicPartition(self._topic, partition)

    async def _gone(self, error: OffsetOutOfRangeError) -> OffsetGone:
        ((at, position),) = error.args[0].items()
        bounds = await self.bounds([at.partition])
        return OffsetGone(self._topic, at.partition, position, bounds[at.partition].oldest)


async def read_one(connection: Connection, topic: str, partition: int, offset: int) -> StreamRecord | None:
    """Return the record at `offset`, read outside of any group; the caller knows that the offset is within bounds."""
    client = connection.make_consumer(None)
    try:
        async with connection.within(START_SECONDS, "one record"):
            await client.start()
            client.assign([TopicPartition(topic, partition)])
            client.seek(TopicPartition(topic, partition), offset)
            record: StreamRecord = await client.getone()
            return record if record.offset == offset else None
    finally:
        await _bounded(connection.clock, client.stop())


async def describe_topics(connection: Connection, admin: Any, names: Sequence[str]) -> dict[str, int]:
    """Return how many partitions each topic has; absent where there is no such topic, or where we may not see it."""
    async with connection.within(ASK_SECONDS, "the list of topics"):
        found = await admin.describe_topics(list(names))
    return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}


async def describe_settings(connection: Connection, admin: Any, name: str) -> dict[str, str]:
    """Return a topic's settings by name; empty where the broker does not let us see them."""
    async with connection.within(ASK_SECONDS, f"the settings of {name}"):
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    code, _, _, _, entries = answer.resources[0][:5]
    return {} if code else {entry[0]: entry[1] for entry in entries}


async def create_topic(
    connection: Connection, admin: Any, name: str, *, partitions: int, replication: int, settings: Mapping[str, str]
) -> str | None:
    """Create a topic; return the broker's reason where it refuses. That somebody else was first is no refusal."""
    wanted = NewTopic(name, partitions, replication, topic_configs=dict(settings))
    async with connection.within(START_SECONDS, f"the creation of {name}"):
        answer = await admin.create_topics([wanted])
    _, code, message = answer.topic_errors[0]
    reason = for_code(code).__name__
    return None if code == 0 or reason == "TopicAlreadyExistsError" else f"{reason}: {message or 'no reason given'}"
