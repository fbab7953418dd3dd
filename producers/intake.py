"""The one way from a producer to its spool: items with their marks, coverage, gaps, and what the source is doing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from app.clock import Clock
from app.domain.posts import read_post
from app.messages import Gap, Marks, Post, Quarantined, SourceState
from producers.coverage import CoverageKeeper
from producers.spool import Draft, Entry, Spool

COVERAGE_EVERY_S = 30.0
SAME_TROUBLE = timedelta(minutes=5)

log = structlog.get_logger(__name__)


class Received(NamedTuple):
    """What a producer took from its platform: the fields of a post line (or what they could not be), and the bytes that came."""

    source: str
    content: Mapping[str, object] | Post | Quarantined
    raw: bytes
    gapfill: bool = False
    exercise: bool = False


class Intake:
    """The spool as one producer sees it. Opened by `open_intake`."""

    def __init__(self, name: str, spool: Spool, clock: Clock, coverage: CoverageKeeper) -> None:
        self.name = name
        self.clock = clock
        self.coverage = coverage
        self._spool = spool
        self._states: dict[str, SourceState] = {}
        self._said: dict[str, SourceState] = {}
        self._last_posts: dict[str, datetime] = {}
        self._spend: dict[str, float] = {}

    @property
    def backlog(self) -> int:
        """How many entries wait for the disk."""
        return self._spool.waiting

    async def token(self, key: str) -> bytes | None:
        """Return this producer's resume token of that name."""
        return await self._spool.state(f"{self.name}:{key}")

    async def take(self, received: Sequence[Received], tokens: Mapping[str, bytes] | None = None) -> None:
        """Take the items in, with the resume tokens that cover them; durable when this returns."""
        now = self.clock.now()
        drafts = [self._draft(one, now) for one in received]
        await self._spool.append(drafts, state={f"{self.name}:{key}": value for key, value in (tokens or {}).items()})

    async def begin(self, sources: Collection[str], at: datetime, reason: str) -> list[Gap]:
        """Reading goes on from `at`, the sources' own time. Publish the gaps before that, and return them for filling."""
        gaps = self.coverage.begin(sources, at, reason, self.clock.now())
        if gaps:
            if self._spool.measures is not None:
                self._spool.measures.missed(gaps)
            records, state = self.coverage.assert_closed(self.clock.now())
            await self._spool.append([*records, *gaps], state=state)
        return gaps

    async def fill(self, gaps: Iterable[Gap]) -> None:
        """Everything that was published in these gaps has been fetched."""
        now = self.clock.now()
        filled = [Gap(gap.start, gap.end, gap.reason, now, source=gap.source, run=gap.run, filled=True) for gap in gaps]
        if filled:
            await self._spool.append(filled)

    async def report(self, sources: Iterable[str], state: str, detail: str = "", *, reconnected: bool = False) -> None:
        """Say what the sources are doing, once: the same again is not repeated. States are those of `SourceState`."""
        now = self.clock.now()
        said: list[Entry] = []
        for source in sources:
            before = self._states.get(source)
            record = SourceState(
                source=source,
                state=state,
                seen_at=now,
                detail=detail[:300],
                reconnects=(before.reconnects if before else 0) + reconnected,
                backlog=self.backlog,
                spend_usd=round(self._spend.get(source, 0.0), 6),
                last_post_at=self._last_posts.get(source),
            )
            self._states[source] = record
            if self._spool.measures is not None:
                self._spool.measures.said(record, reconnected=reconnected)
            if self._is_news(record):
                self._said[source] = record
                said.append(record)
        if said:
            log.info("a source changed", platform=self.name, state=state, detail=detail, sources=len(said))
            await self._spool.append(said)

    def _is_news(self, record: SourceState) -> bool:
        """Another state is news; another detail of the same trouble is none for five minutes: an outage has many words for itself."""
        said = self._said.get(record.source)
        if said is None or said.state != record.state or not said.detail:
            return said is None or (said.state, said.detail) != (record.state, record.detail)
        return said.detail != record.detail and record.seen_at - said.seen_at >= SAME_TROUBLE

    def leave(self) -> None:
        """These sources are read here no longer: they count in no state."""
        if self._spool.measures is not None:
            self._spool.measures.forgot(self._states)

    def spent(self, source: str, usd: float) -> None:
        """Count what reading this source has cost today so far."""
        self._spend[source] = usd

    async def assert_coverage(self) -> None:
        """Publish what was completed since the last time, with the sources' numbers beside it."""
        now = self.clock.now()
        records, state = self.coverage.assert_closed(now)
        refreshed = [
            SourceState(
                source=source,
                state=held.state,
                seen_at=now,
                detail=held.detail,
                reconnects=held.reconnects,
                backlog=self.backlog,
                spend_usd=round(self._spend.get(source, 0.0), 6),
                last_post_at=self._last_posts.get(source),
            )
            for source, held in self._states.items()
            if (held.last_post_at, held.backlog) != (self._last_posts.get(source), self.backlog)
            or held.spend_usd != round(self._spend.get(source, 0.0), 6)
        ]
        self._states.update({record.source: record for record in refreshed})
        if self._spool.measures is not None:
            self._spool.measures.holds(await self._spool.backlog())
            for record in refreshed:
                self._spool.measures.said(record, reconnected=False)
        if records or refreshed:
            await self._spool.append([*records, *refreshed], state=state)

    def _draft(self, received: Received, now: datetime) -> Draft:
        content = received.content
        if isinstance(content, Mapping):
            content = read_post(content, received.raw, received_at=now)
        if isinstance(content, Post):
            self._last_posts[received.source] = now
        marks = Marks(gapfill=received.gapfill, exercise=received.exercise)
        return Draft(received.source, now, content, received.raw, marks)


async def open_intake(name: str, spool: Spool, clock: Clock) -> Intake:
    """Take up a producer's coverage where the spool has it."""
    return Intake(name, spool, clock, CoverageKeeper(name, await spool.state(f"covered:{name}")))
