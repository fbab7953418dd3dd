"""What X published while no stream was connected: fetched page by page, bounded, marked `gapfill`, and the gap closed when all came.

Accounts come by recent search (`from:a OR from:b`), and from their timelines where the gap is older than search goes back. Words
come by search. What does not fit the bounds stays a gap: its row says so. Gaps that wait are kept in the spool over a restart.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

import msgspec
import structlog

from app.messages import Gap
from producers.intake import Intake
from producers.port import Lost, Refused
from producers.x_accounts import Accounts, Meter
from producers.x_payloads import read_page
from producers.x_port import Api, Span
from producers.x_rules import MAX_QUERY, pack_accounts

OVERLAP = timedelta(seconds=5)  # what was written just before the stream connected may have missed it
SETTLE = timedelta(seconds=20)  # X refuses an end less than 10 s ago
SEARCH_REACH = timedelta(days=6, hours=20)  # recent search goes back seven days
MOST_PAGES = 20  # for one query over one gap: 2,000 posts, $10
PAGE = 100
SMALLEST_PAGE = 10
RETRY_S, LONGEST_RETRY_S = 30.0, 320.0
MOST_REFUSALS = 8  # two hours of a wrong token or of no credit

log = structlog.get_logger(__name__)

Fetch = Callable[[Span, int, str | None], Awaitable[dict[str, Any]]]


class Job(NamedTuple):
    """Pages to fetch, and the gaps that are closed when all of them came."""

    fetches: Sequence[Fetch]
    closes: Sequence[Gap]


class Filler:
    """Fills the gaps that it is given, oldest first, one at a time."""

    def __init__(self, api: Api, intake: Intake, accounts: Accounts, meter: Meter, queries: Sequence[str]) -> None:
        self.accounts = accounts
        self._api = api
        self._intake = intake
        self._meter = meter
        self._queries = queries
        self._gaps: list[Gap] = []
        self._more = asyncio.Event()

    async def load(self) -> None:
        """Take up the gaps that waited when the process ended."""
        self._gaps = msgspec.json.decode(await self._intake.token("gaps") or b"[]", type=list[Gap])
        self._more.set()

    async def add(self, gaps: Sequence[Gap]) -> None:
        if gaps:
            self._gaps = sorted([*self._gaps, *gaps], key=lambda gap: gap.start)
            await self._keep()
            self._more.set()

    async def run(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._gaps:
                first = self._gaps[0]
                group = [gap for gap in self._gaps if (gap.start, gap.end) == (first.start, first.end)]
                await self._fill(group)
                self._gaps = [gap for gap in self._gaps if gap not in group]
                await self._keep()

    async def _keep(self) -> None:
        await self._intake.take([], {"gaps": msgspec.json.encode(self._gaps)})

    async def _fill(self, gaps: Sequence[Gap]) -> None:
        """Fetch one span of time for several sources; close the gaps whose posts all came."""
        clock = self._intake.clock
        span = Span(gaps[0].start, gaps[0].end + OVERLAP)
        await clock.sleep(max(0.0, (gaps[0].end + SETTLE - clock.now()).total_seconds()))
        closed: list[Gap] = []
        for job in self._jobs(gaps, recent=clock.now() - span.start < SEARCH_REACH):
            if all([await self._all_pages(fetch, span) for fetch in job.fetches]):
                closed += job.closes
        await self._intake.fill(closed)
        if left := len(gaps) - len(closed):
            log.warning("a gap was not filled", start=str(span.start), end=str(gaps[0].end), sources=left)

    def _jobs(self, gaps: Sequence[Gap], *, recent: bool) -> Iterator[Job]:
        by_handle: dict[str, list[Gap]] = defaultdict(list)
        words: list[Gap] = []
        for gap in gaps:
            handle = (gap.source or "").partition(":")[2].removeprefix("@").lower()
            (by_handle[handle] if self.accounts.sources([handle]) else words).append(gap)
        if not recent:
            for handle, held in by_handle.items():
                if user_id := self.accounts.user_ids.get(handle):
                    yield Job([partial(self._api.timeline, user_id)], held)
            return
        for query in pack_accounts(by_handle, MAX_QUERY):
            handles = [part.removeprefix("from:") for part in query.split(" OR ")]
            yield Job([partial(self._api.search, query)], [gap for handle in handles for gap in by_handle[handle]])
        if words and all(len(query) <= MAX_QUERY for query in self._queries):
            yield Job([partial(self._api.search, query) for query in self._queries], words)

    async def _all_pages(self, fetch: Fetch, span: Span) -> bool:
        """Take in the pages of one query; say whether all of them came. The ceiling stops it within a page."""
        token: str | None = None
        for _ in range(MOST_PAGES):
            left = self._meter.budget.left(self._intake.clock.now())
            if left is not None and left < SMALLEST_PAGE:
                return False
            page = await self._page(fetch, span, PAGE if left is None else min(PAGE, left), token)
            if page is None:
                return False
            received = []
            for post, raw in read_page(page):
                one = self.accounts.received(post, raw, gapfill=True)
                self._meter.charge(post, self.accounts.payer(one.source))
                received.append(one)
            await self._intake.take(received, self._meter.state())
            token = (page.get("meta") or {}).get("next_token")
            if not token:
                return True
        return False

    async def _page(self, fetch: Fetch, span: Span, most: int, token: str | None) -> dict[str, Any] | None:
        """Return one page, however long X is in trouble; None where it has refused for hours."""
        pause = RETRY_S
        refusals = 0
        while True:
            try:
                return await fetch(span, most, token)
            except Refused as refused:
                refusals += 1
                if refusals >= MOST_REFUSALS:
                    log.warning("X refuses to fill a gap", detail=refused.detail)
                    return None
                await self._intake.clock.sleep(refused.retry_after)
            except Lost as lost:
                await self._intake.clock.sleep(max(pause, lost.retry_after or 0.0))
                pause = min(LONGEST_RETRY_S, pause * 2)
