"""topic posts -> topic tagged: each post read, placed, judged and pre-matched. Writes no database."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from app.crash import crash_point
from app.errors import Unavailable
from app.messages import Gap, Item, PostType, Record, encode
from app.resources import Resources
from app.streams.port import OffsetGone, Outgoing, Reader, StreamRecord
from app.streams.topics import POSTS, TAGGED
from app.telemetry.logging import trace
from consumers.limit import GarbageLimit
from consumers.matching import PostMatcher
from consumers.measures import LagMeter, count_bug, count_garbage, count_passage, timed
from consumers.records import key_of, poison, read_records
from consumers.rules import LoadedRules, load_rules
from consumers.traces import tell_tagged
from consumers.tries import Tries

BATCH = 200  # posts; a tenth of a second of tagging, so that a rebalance never waits long
SLICE = 25  # posts between two breaths of the event loop
RELOAD_S = 5.0  # rules are read again this often; while the database is away, what was read last goes on
IDLE_S = 1.0

log = structlog.get_logger(__name__)


class TagStage:
    """One member of the group `tag`."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._clock = resources.clock
        self._rules: LoadedRules | None = None
        self._read_at = float("-inf")
        self._limits: dict[int, GarbageLimit] = {}
        self._tries: dict[int, Tries] = {}
        self._lag = LagMeter(resources, "tag")

    async def run(self, reader: Reader) -> None:
        """Tag for ever. Raises `Unavailable` when the stream is away: the runner waits and begins again."""
        while True:
            rules = await self._current_rules()
            try:
                batch = await reader.read(BATCH)
            except OffsetGone as gone:
                await self._record_hole(reader, gone)
                continue
            if not batch:
                self._lag.idle()
                await reader.wait(IDLE_S)
                continue
            crash_point("tag.after_read")
            for partition in sorted({one.partition for one in batch}):
                await self._partition(reader, [one for one in batch if one.partition == partition], rules)
            await self._lag.note(reader)

    async def _partition(self, reader: Reader, batch: Sequence[StreamRecord], rules: LoadedRules) -> None:
        partition = batch[0].partition
        tries = self._tries.setdefault(partition, Tries(self._resources.settings.home / f"tries/tag-{partition}.json"))
        records = read_records(batch, self._limits.setdefault(partition, GarbageLimit(POSTS.name)))
        count_garbage(self._resources.metrics, "tag", records)
        outgoing: list[Outgoing] = []
        at = 0
        with timed(self._resources, "tag", batch):
            while at < len(batch):
                size = 1 if tries.careful else SLICE
                part = list(zip(batch[at : at + size], records[at : at + size], strict=True))
                outgoing.extend(self._slice(part, tries, rules.matcher))
                at += len(part)
                await self._clock.sleep(0)
            await self._resources.stream.publish(TAGGED.name, outgoing)
        crash_point("tag.after_publish")
        count_passage(self._resources, "tag", records)
        tell_tagged(records)
        await reader.commit({partition: batch[-1].offset + 1})
        crash_point("tag.after_commit")

    def _slice(self, part: Sequence[tuple[StreamRecord, Record]], tries: Tries, matcher: PostMatcher) -> list[Outgoing]:
        keys = [key_of(record, one) for one, record in part]
        one, record = part[0]
        if len(part) == 1 and isinstance(record, Item) and tries.exhausted(keys[0]):
            tries.give_up(keys[0])
            count_bug(self._resources.metrics, "tag")
            return [Outgoing(one.key, encode(poison(record, one.value, "tagging it failed three times")))]
        try:
            with tries.trying(keys):
                return [Outgoing(one.key, encode(tagged(record, matcher))) for one, record in part]
        except Unavailable:
            raise
        except Exception:
            count_bug(self._resources.metrics, "tag")
            log.exception("tagging failed", records=len(keys), **trace(keys[0]))
            if len(part) == 1:
                return self._slice(part, tries, matcher)
        return [done for single in part for done in self._slice([single], tries, matcher)]

    async def _current_rules(self) -> LoadedRules:
        now = self._clock.monotonic()
        if self._rules is not None and now - self._read_at < RELOAD_S:
            return self._rules
        try:
            async with self._resources.database.read() as session:
                self._rules = await load_rules(session, self._resources, self._rules)
        except Unavailable:
            if self._rules is None:
                raise
        self._read_at = now
        return self._rules

    async def _record_hole(self, reader: Reader, gone: OffsetGone) -> None:
        bounds = await reader.bounds(gone.partition)
        now = self._clock.now()
        reason = f"{gone.oldest - gone.position} records of {gone.topic} expired unread"
        log.error("records expired unread", topic=gone.topic, first=gone.position, last=gone.oldest - 1)
        hole = Gap(start=now, end=now, reason=reason, seen_at=now)
        await self._resources.stream.publish(TAGGED.name, [Outgoing("log", encode(hole))])
        await reader.seek(gone.partition, bounds.oldest)


def tagged(record: Record, matcher: PostMatcher) -> Record:
    """Return the record with its tags and hits; what is no post passes through as it is."""
    if not isinstance(record, Item) or record.post is None or record.post.type is PostType.DELETE:
        return record
    tags = matcher.tagger.tag(record.post, matcher.read(record.post))
    read = msgspec.structs.replace(record, tags=tags, watches_version=matcher.watches.version)
    return msgspec.structs.replace(read, hits=matcher.names(read))
