"""RSS and Atom: news wires, YouTube channels, bridges. No key, no library that fetches by itself.

Resume: ETag and Last-Modified, and the entries that were there last time, kept with the items. An entry whose content changes is an
edit; one that leaves the feed is not deleted. A feed that shows none of the entries we knew has rolled over: that is a gap. Cost: none.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.domain.config import SourceConfig
from app.errors import SettingsError
from app.outbound.client import Ask, OutboundClient, OutboundFailed, Reply
from app.outbound.targets import IF_YOURS, OutboundPolicy, OutboundRefused
from producers.feed_entries import Entry, Feed, read_feed
from producers.intake import Intake, Received
from producers.port import Lost, Refused, Setup

EVERY_S = 300.0
SHORTEST_S = 30.0
LONGEST_PAUSE_S = 900.0  # after failures; a wire that comes back is heard within a quarter of an hour
LONGEST_ASKED_S = 3600.0  # of a Retry-After
AT_ONCE = 8
MAX_BODY = 2 * 1024 * 1024
KNOWN = 1_000  # entries remembered of one feed
YOUTUBE = "https://www.youtube.com/feeds/videos.xml?channel_id="
ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.1"


class Known(msgspec.Struct):
    """What we know of a feed: its validators, and its entries (key to digest)."""

    etag: str | None = None
    modified: str | None = None
    entries: dict[str, str] = {}


class FeedsProducer:
    """See `producers.port.Producer`. Each feed is looked at on its own time; one that fails does not hold up another."""

    name = "rss"

    def __init__(self, setup: Setup) -> None:
        self._sources = list(setup.sources)
        every = setup.section.get("every_s")
        self._every = float(every) if isinstance(every, int | float) else EVERY_S
        # An address inside is reached only by the feed that says it is meant to be there.
        self._outside = OutboundClient(OutboundPolicy(plain=True), clock=setup.clock)
        self._inside = OutboundClient(setup.policy, clock=setup.clock)
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def source_ids(self) -> frozenset[str]:
        return frozenset(source.id for source in self._sources)

    async def read(self, intake: Intake) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._follow(source, intake))

    async def _follow(self, source: SourceConfig, intake: Intake) -> None:
        asked = source.options.get("every_s")
        every = max(SHORTEST_S, float(asked) if isinstance(asked, int | float) else self._every)
        known = msgspec.json.decode(await intake.token(source.id) or b"{}", type=Known)
        pause = 0.0
        failures = 0
        while True:
            await intake.clock.sleep(pause)
            try:
                await self._look(source, known, intake)
            except Refused as refused:
                state, detail, asked_s = "refused", refused.detail, refused.retry_after
            except Lost as lost:
                state, detail, asked_s = "connecting", lost.detail, lost.retry_after or 0.0
            else:
                failures = 0
                await intake.report([source.id], "live")
                pause = every * random.uniform(0.9, 1.1)
                continue
            failures += 1
            await intake.report([source.id], state, detail, reconnected=failures > 1)
            growing = min(LONGEST_PAUSE_S, max(SHORTEST_S, every / 4) * 2 ** min(failures, 10))
            pause = max(asked_s, growing * random.uniform(0.5, 1.0))

    async def _look(self, source: SourceConfig, known: Known, intake: Intake) -> None:
        """Fetch the feed once and take in what is new."""
        began = intake.clock.now()
        async with self._turns:
            reply = await self._fetch(source, known)
        if reply.status == 304:
            await self._cover(source, True, None, began, intake)
            return
        content_type = reply.headers.get("Content-Type", "")
        language = source.options.get("language")
        feed = await asyncio.to_thread(
            read_feed, reply.body, content_type, reply.url, source.id, language if isinstance(language, str) else None
        )
        if feed is None:
            raise Lost("there is no feed at this address")
        met = not known.entries or not feed.entries or any(entry.key in known.entries for entry in feed.entries)
        await self._cover(source, met, feed.oldest, began, intake)
        await self._take(source, feed, known, reply, intake)

    async def _fetch(self, source: SourceConfig, known: Known) -> Reply:
        headers = {"Accept": ACCEPT}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.modified:
            headers["If-Modified-Since"] = known.modified
        client = self._inside if source.options.get("allow_internal") else self._outside
        try:
            reply = await client.request(
                "GET", url_of(source), Ask(headers=headers, max_reply=MAX_BODY, redirects=3, deadline_s=30.0)
            )
        except (OutboundRefused, SettingsError) as refused:
            hint = ", and the source needs allow_internal = true" if refused.detail.endswith(IF_YOURS) else ""
            raise Refused(refused.detail + hint) from None
        except OutboundFailed as failed:
            raise Lost(failed.detail) from None
        if reply.status in {401, 403, 404, 410}:
            raise Refused(f"{reply.status}: {_MEANING[reply.status]}")
        if reply.status not in {200, 304}:
            raise Lost(f"the feed answers {reply.status}", retry_after=_retry_after(reply.headers))
        if reply.truncated:
            raise Lost(f"the feed is larger than {MAX_BODY:,} bytes")
        return reply

    async def _cover(
        self, source: SourceConfig, met: bool, oldest: datetime | None, began: datetime, intake: Intake
    ) -> None:
        """A feed holds its last entries: where it shows one that we knew, nothing was missed in between."""
        last = intake.coverage.until(source.id)
        begins = began if last is None else last if met else max(last, min(oldest or began, began))
        await intake.begin([source.id], begins, "the feed had rolled over")
        intake.coverage.complete([source.id], began)

    async def _take(self, source: SourceConfig, feed: Feed, known: Known, reply: Reply, intake: Intake) -> None:
        received = []
        for entry in reversed(feed.entries):  # feeds are newest first
            before = known.entries.get(entry.key)
            if before != entry.digest:
                received.append(_received(source, entry, intake.clock.now(), edited=before is not None))
        kept = {entry.key: entry.digest for entry in feed.entries}
        older = {key: digest for key, digest in known.entries.items() if key not in kept}
        known.entries = dict(list({**older, **kept}.items())[-max(KNOWN, len(kept)) :])
        known.etag, known.modified = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
        await intake.take(received, {source.id: msgspec.json.encode(known)})


def make(setup: Setup) -> FeedsProducer:
    return FeedsProducer(setup)


def url_of(source: SourceConfig) -> str:
    """Return the address of a feed; a YouTube channel is named by its id alone."""
    url = source.options.get("url")
    if isinstance(url, str) and url:
        return url
    if source.platform == "youtube":
        return f"{YOUTUBE}{source.handle}"
    raise SettingsError(f"{source.id} has no url")


_MEANING = {
    401: "the feed wants a password",
    403: "not allowed",
    404: "there is nothing at this address",
    410: "the feed is gone",
}


def _received(source: SourceConfig, entry: Entry, now: datetime, *, edited: bool) -> Received:
    fields = {**entry.fields, "type": "edit", "created_at": now.isoformat()} if edited else entry.fields
    return Received(source.id, fields, entry.raw)


def _retry_after(headers: Mapping[str, str]) -> float:
    said = headers.get("Retry-After", "").strip()
    return min(float(said), LONGEST_ASKED_S) if said.isdecimal() and len(said) < 9 else 0.0
