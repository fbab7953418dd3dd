"""Posts on X whose deletion nobody tells us of: looked up again by their ids before 24 hours are over, and taken as deleted where X has them no more.

X pushes deletions of accounts that we follow, and only while the activity stream is connected. So posts of other accounts (found by
words) are looked up once a day, and posts of our accounts after a time in which that stream was away. A lookup is paid like a read:
it stays within `recheck_days`, within a share of the day's ceiling, and what it did not reach is said and taken up after midnight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from app.db.posts import KeptPost, kept
from app.db.session import Database
from app.domain.grades import source_key
from app.errors import Unavailable
from app.messages import Gap
from producers.intake import Intake, Received
from producers.port import Lost, Refused
from producers.x_accounts import DELETIONS, Accounts, Meter
from producers.x_payloads import gone_ids, newer_ids, read_page
from producers.x_port import Api

EVERY = timedelta(hours=20)  # with what a pass may take, no deletion waits for longer than 24 h
SHORT = timedelta(minutes=1)
SHARE = 0.25  # of the daily ceiling: what is new goes before what is old
MOST_A_DAY = 2_000  # posts, $10, where no ceiling is set
PAGE = 100
MANY = 10
FIRST_AFTER_S = 60.0  # lets a start pass before it asks for more
PAUSE_S = 300.0

log = structlog.get_logger(__name__)


class Recheck(msgspec.Struct):
    """What is kept over a restart.

    `passed`: when the posts of others were last looked up, all of them. `deaf`: breaks whose deletions nobody has looked for.
    `reached`: the post at which the day's money ended, so that the next day goes on behind it with the posts of others.
    """

    passed: datetime | None = None
    deaf: list[Gap] = []
    reached: KeptPost | None = None


class Rechecker:
    """Looks kept posts up again. A break of a minute or less stays a gap: to look up every post for it costs too much."""

    def __init__(
        self, api: Api, intake: Intake, accounts: Accounts, meter: Meter, database: Database, days: float
    ) -> None:
        self._api = api
        self._intake = intake
        self._accounts = accounts
        self._meter = meter
        self._database = database
        self._reach = timedelta(days=days)
        self._kept = Recheck()
        self._more = asyncio.Event()

    async def load(self) -> None:
        """Take up what stood when the process ended."""
        if stored := await self._intake.token("recheck"):
            self._kept = msgspec.json.decode(stored, type=Recheck)
        else:
            self._kept = Recheck(self._intake.clock.now())
            await self._keep()  # else a process that starts often would put the first pass off for ever

    async def missed(self, gaps: Sequence[Gap]) -> None:
        """Deletions may have gone past us in these breaks."""
        if long := [gap for gap in gaps if gap.end - gap.start > SHORT]:
            self._kept.deaf += long
            await self._keep()
            self._more.set()

    async def run(self) -> None:
        """Never returns."""
        clock = self._intake.clock
        await clock.sleep(FIRST_AFTER_S)
        while True:
            self._more.clear()
            pause = PAUSE_S
            try:
                if not await self._pass(clock.now()):
                    pause = self._meter.budget.until_tomorrow(clock.now()) + FIRST_AFTER_S
                elif not self._kept.deaf:
                    pause = self._due_in(clock.now())
            except (Refused, Lost) as trouble:
                pause = max(PAUSE_S, trouble.retry_after or 0.0)
                log.warning("posts on X could not be looked up again for deletions", detail=trouble.detail)
            except Unavailable:
                pass
            with suppress(TimeoutError):
                async with clock.timeout(pause):
                    await self._more.wait()

    def _due_in(self, now: datetime) -> float:
        passed = self._kept.passed or now - EVERY
        return max(0.0, (passed + EVERY - now).total_seconds())

    async def _pass(self, now: datetime) -> bool:
        """Look up what is due now; return whether the money was enough for all of it."""
        others = self._due_in(now) <= 0
        deaf = list(self._kept.deaf)
        if not (others or deaf):
            return True
        refused = DELETIONS not in self._intake.coverage.read_now  # the stream may be closed to this token for good
        posts = await self._wanted(now, others=others, ours=bool(deaf) or refused)
        for first in range(0, len(posts), PAGE):
            page = posts[first : first + PAGE]
            within = page[: self._affordable(self._intake.clock.now())]
            if within:
                await self._look_up(within, within[-1] if others else self._kept.reached)
            if len(within) < len(page):
                waiting = len(posts) - first - len(within)
                log.warning("posts on X wait for tomorrow's money: until then their deletion is missed", posts=waiting)
                return False
        if posts:
            log.info("posts on X were looked up again for deletions", posts=len(posts))
        await self._intake.fill(deaf)
        left = [gap for gap in self._kept.deaf if gap not in deaf]
        self._kept = Recheck(now, left) if others else Recheck(self._kept.passed, left, self._kept.reached)
        await self._keep()
        return True

    async def _wanted(self, now: datetime, *, others: bool, ours: bool) -> list[KeptPost]:
        """Return the kept posts that are to be looked up, the newest first."""
        async with self._database.read() as session:
            found = await kept(session, "x", now - self._reach)
        own = {source_key(source) for source in self._accounts.ids}
        reached = self._kept.reached
        return [
            post
            for post in found
            if (ours if source_key(post.source) in own else others and (reached is None or post < reached))
            and _native(post).isdecimal()
        ]

    def _affordable(self, now: datetime) -> int:
        """Return how many posts may still be looked up today."""
        return self._meter.budget.share_left(DELETIONS, SHARE, MOST_A_DAY, now)

    async def _look_up(self, posts: Sequence[KeptPost], reached: KeptPost | None) -> None:
        sources = {_native(post): post.source for post in posts}
        page = await self._api.lookup(list(sources))
        gone = gone_ids(page, sources)
        if len(gone) > max(
            MANY, len(posts) // 2
        ):  # a deletion is final: a bad hour of X must not make us forget a week
            log.warning(
                "X says that many posts are gone: asked again before it is believed", gone=len(gone), of=len(posts)
            )
            await self._intake.clock.sleep(PAUSE_S)
            gone = gone_ids(await self._api.lookup([native for native, _ in gone]), sources)
        received = [self._deletion(native, sources[native], error) for native, error in gone]
        for post, raw in read_page(page):
            self._meter.charge_check(post)
            if post.fields["type"] == "delete":  # withheld everywhere
                received.append(self._accounts.received(post, raw, gapfill=True))
        if newer := newer_ids(page):
            for post, raw in read_page(await self._api.lookup(newer[:PAGE])):
                self._meter.charge_check(post)
                received.append(self._accounts.received(post, raw, gapfill=True))
        self._kept.reached = reached
        tokens = {"budget": self._meter.budget.state(), "recheck": msgspec.json.encode(self._kept)}
        await self._intake.take(received, tokens)

    def _deletion(self, native: str, source: str, error: Mapping[str, Any]) -> Received:
        fields = {
            "id": native,
            "platform": "x",
            "author": source.partition(":")[2],
            "created_at": self._intake.clock.now().isoformat(),
            "type": "delete",
        }
        return Received(source, fields, msgspec.json.encode(error), gapfill=True)

    async def _keep(self) -> None:
        await self._intake.take([], {"recheck": msgspec.json.encode(self._kept)})


def _native(post: KeptPost) -> str:
    return post.id.partition(":")[2]
