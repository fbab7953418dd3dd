"""X: accounts and words through the filtered stream, accounts and deletions through the activity stream, and every gap filled.

Resume: X has none for streams, so what was missed is fetched by recent search or from timelines, bounded in pages and in cost, and
marked `gapfill`. Edits carry the id of the first version; deletions come as events, or are found by `producers.x_recheck`. Cost: see `producers.x_budget`; at the daily
ceiling the source pauses and says so. A wrong token is said once. Reconnects keep to `producers.x_pace`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from app.domain.config_keys import RECHECK_DAYS
from app.messages import Gap
from producers.intake import Intake, Received
from producers.port import Refused, Setup
from producers.x_accounts import DELETIONS, WORDS, Accounts, Meter
from producers.x_budget import Budget
from producers.x_fill import SETTLE, SMALLEST_PAGE, Filler
from producers.x_pace import STEADY_S, Pace
from producers.x_payloads import StreamTrouble, XPost, read_message, read_page
from producers.x_port import Api, OpenApi, Span, XTrouble
from producers.x_recheck import Rechecker
from producers.x_rules import PREFIX, changes, refused_values, wanted_rules

LATENCY = timedelta(seconds=10)  # a post may come so long after it was written (X: P99 6 to 7 s)
USAGE_EVERY_S = 3600.0
SHOWN_BACK = timedelta(days=30)  # of an account that is only tried

log = structlog.get_logger(__name__)


class XProducer:
    """See `producers.port.Producer`. `open_api` gives None where there is no token; `missing` says what to do about it."""

    name = "x"

    def __init__(self, setup: Setup, open_api: OpenApi, missing: str) -> None:
        self._open_api = open_api
        self._missing = missing
        self.accounts = Accounts(setup)
        extra = setup.section.get("extra_rules")
        self.queries = [*setup.rules, *(extra if isinstance(extra, list | tuple) else ())]
        ceiling = setup.section.get("daily_ceiling_usd")
        self._ceiling = float(ceiling) if isinstance(ceiling, int | float) else None
        days = setup.section.get("recheck_days", RECHECK_DAYS)
        self._recheck_days = float(days) if isinstance(days, int | float) else RECHECK_DAYS
        self._database = setup.database if self._recheck_days > 0 else None
        self._trial = setup.trial

    @property
    def source_ids(self) -> frozenset[str]:
        own = frozenset(self.accounts.ids)
        return own | ({WORDS} if self.queries else frozenset()) | ({DELETIONS} if self._database else frozenset())

    async def read(self, intake: Intake) -> None:
        opened = self._open_api()
        if opened is None:
            raise Refused(self._missing)
        async with opened as api:
            self.accounts.learn(msgspec.json.decode(await intake.token("users") or b"{}"))
            self.accounts.recall_edits(await intake.token("edits"))
            meter = Meter(Budget(self._ceiling, await intake.token("budget")), intake)
            if self._trial:
                await self._show_newest(api, intake, meter)
                return
            filler = Filler(api, intake, self.accounts, meter, self.queries)
            await filler.load()
            try:
                await self._read_all(api, intake, meter, filler)
            finally:
                await intake.take([], meter.state(at_once=True))

    async def _read_all(self, api: Api, intake: Intake, meter: Meter, filler: Filler) -> None:
        async with asyncio.TaskGroup() as group:
            rechecker = await self._start_rechecks(group, api, intake, meter)
            group.create_task(filler.run())
            group.create_task(self._watch_usage(api, meter))
            if self.accounts.by_rule or self.queries:
                group.create_task(_keep(PostStream(self, api, filler), intake, meter))
            if self.accounts.ids:
                group.create_task(_keep(EventStream(self, api, filler, rechecker), intake, meter))

    async def _show_newest(self, api: Api, intake: Intake, meter: Meter) -> None:
        """Take in the ten newest posts of each account: no stream, of which there is one for each token, and no rule is touched."""
        await self.accounts.look_up(api, intake, meter)
        now = intake.clock.now()
        for handle, user_id in self.accounts.user_ids.items():
            if source := self.accounts.sources([handle]):
                page = await api.timeline(user_id, Span(now - SHOWN_BACK, now - SETTLE), SMALLEST_PAGE, None)
                await intake.report(source, "live")
                await intake.take([self.accounts.received(post, raw) for post, raw in reversed(read_page(page))])
        await intake.clock.sleep(SHOWN_BACK.total_seconds())  # once: each look is paid

    async def _start_rechecks(
        self, group: asyncio.TaskGroup, api: Api, intake: Intake, meter: Meter
    ) -> Rechecker | None:
        if self._database is None:
            return None
        rechecker = Rechecker(api, intake, self.accounts, meter, self._database, self._recheck_days)
        await rechecker.load()
        group.create_task(rechecker.run())
        if not self.accounts.ids:
            await intake.report([DELETIONS], "live")  # no stream tells of any: lookups do
        return rechecker

    async def _watch_usage(self, api: Api, meter: Meter) -> None:
        """Log what X itself counted and what we did, by source and by rule, every hour: meter and bill can be compared."""
        while True:
            meter.exhausted()  # after midnight nothing is spent yet
            spent = meter.budget.spent
            ours = {
                "spent_usd": round(spent.total, 3),
                "sources": _dearest(spent.sources),
                "rules": _dearest(spent.rules),
            }
            try:
                used = await api.usage()
                log.info("usage of the X API", used=used.get("project_usage"), cap=used.get("project_cap"), **ours)
            except (XTrouble, Refused) as trouble:
                log.info("usage of the X API is not known", detail=trouble.detail, **ours)
            await self.accounts.clock.sleep(USAGE_EVERY_S)


def _dearest(spent: Mapping[str, float]) -> dict[str, float]:
    """Return the ten that cost most today, in US dollars."""
    dearest = sorted(spent.items(), key=lambda one: one[1], reverse=True)[:10]
    return {name: round(usd, 3) for name, usd in dearest}


class _Channel(Protocol):
    """One of the two streams; `covered` are the sources that it reads in full, `missed` takes the gaps in them."""

    name: str
    accounts: Accounts

    @property
    def covered(self) -> Sequence[str]: ...

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None: ...

    async def missed(self, gaps: Sequence[Gap]) -> None: ...


async def _keep(channel: _Channel, intake: Intake, meter: Meter) -> None:
    """Keep one stream connected at X's pace, pausing at the ceiling. Never returns."""
    pace, clock = Pace(), intake.clock
    reconnected = False
    while True:
        if meter.exhausted():
            await intake.report(channel.covered, "paused", meter.budget.said())
            await clock.sleep(meter.budget.until_tomorrow(clock.now()))
            continue
        await clock.sleep(pace.room(clock.monotonic()))
        began = clock.monotonic()
        try:
            await channel.run(intake, meter, pace)
            continue  # at the ceiling
        except Refused as refused:
            state, detail, pause = "refused", refused.detail, refused.retry_after
        except XTrouble as trouble:
            held = clock.monotonic() - began
            pace.steady(held)
            state, detail, pause = "connecting", trouble.detail, _pause(trouble, pace, held)
        finally:
            intake.coverage.end(channel.covered)
        await intake.report(channel.covered, state, detail, reconnected=reconnected)
        reconnected = True
        await clock.sleep(pause)


def _pause(trouble: XTrouble, pace: Pace, held: float) -> float:
    if trouble.kind == "limited":
        return pace.limited(trouble.reset_in)
    if trouble.kind == "network" or (trouble.kind == "closed" and held >= STEADY_S):
        return pace.network()
    return pace.http()


class PostStream:
    """The filtered stream: accounts by `from:` rules, and the words of watches."""

    name = "filtered stream"

    def __init__(self, producer: XProducer, api: Api, filler: Filler) -> None:
        self._api = api
        self._filler = filler
        self.accounts = producer.accounts
        self._queries = producer.queries
        self._wanted = [*self.accounts.sources(self.accounts.by_rule), *([WORDS] if self._queries else [])]
        self._refused: dict[str, str] = {}

    @property
    def covered(self) -> Sequence[str]:
        return [
            source for source in self._wanted if source not in self._refused and source not in self.accounts.unknown
        ]

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None:
        refused = await self.reconcile()
        self._refused = dict(self._unread(refused))
        for source, why in self._refused.items():
            await intake.report([source], "refused", why)
        pace.connected(intake.clock.monotonic())
        await _listen(self, self._api.posts(), intake, meter)

    async def missed(self, gaps: Sequence[Gap]) -> None:
        await self._filler.add(gaps)

    def _unread(self, refused: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the sources that no rule brings, each with why; words count as read while one of their rules stands."""
        for value, reason in refused.items():
            handles = [term.removeprefix("from:") for term in value.split(" OR ")]
            for source in self.accounts.sources(handles):
                yield source, f"X refuses its rule: {reason}"
        if self._queries and all(query in refused for query in self._queries):
            yield WORDS, f"X refuses every rule for words: {refused[self._queries[0]]}"

    async def reconcile(self) -> Mapping[str, str]:
        """Bring X's rules to what we want: checked dry first, added before others are deleted. Return those refused, with why."""
        wanted = wanted_rules(self.accounts.by_rule, self._queries)
        change = changes(wanted, await self._api.rules())
        add = dict(change.add)
        refused: dict[str, str] = {}
        if add:
            refused = refused_values(await self._api.add_rules(add, dry_run=True))
            add = {tag: value for tag, value in add.items() if value not in refused}
            if add:
                refused |= refused_values(await self._api.add_rules(add, dry_run=False))
            for value, reason in refused.items():
                log.warning("X refuses a rule", rule=value, reason=reason)
        if change.delete:
            await self._api.delete_rules(change.delete)
        if add or change.delete:
            log.info("X's rules were changed", added=len(add), deleted=len(change.delete))
        return refused


class EventStream:
    """The activity stream: posts of the accounts that are read by it, deletions of all."""

    name = "activity stream"

    def __init__(self, producer: XProducer, api: Api, filler: Filler, rechecker: Rechecker | None) -> None:
        self._api = api
        self._filler = filler
        self._rechecker = rechecker
        self.accounts = producer.accounts

    @property
    def covered(self) -> Sequence[str]:
        read = self.accounts.sources(self.accounts.by_activity)
        return [*(one for one in read if one not in self.accounts.unknown), *([DELETIONS] if self._rechecker else [])]

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None:
        await self.accounts.look_up(self._api, intake, meter)
        await self.reconcile()
        pace.connected(intake.clock.monotonic())
        await _listen(self, self._api.events(), intake, meter)

    async def missed(self, gaps: Sequence[Gap]) -> None:
        await self._filler.add([gap for gap in gaps if gap.source != DELETIONS])
        if self._rechecker is not None:
            await self._rechecker.missed([gap for gap in gaps if gap.source == DELETIONS])

    async def reconcile(self) -> None:
        """Hold one subscription per account and event, and no others of ours."""
        known = self.accounts.user_ids
        create = {("post.create", known[h.lower()]) for h in self.accounts.by_activity if h.lower() in known}
        every = [*self.accounts.by_activity, *self.accounts.by_rule]
        wanted = create | {("post.delete", known[h.lower()]) for h in every if h.lower() in known}
        for live in await self._api.subscriptions():
            kept = live.get("filter")
            key = (str(live.get("event_type")), str(kept.get("user_id")) if isinstance(kept, dict) else "")
            if key in wanted:
                wanted.discard(key)
            elif str(live.get("tag") or "").startswith(PREFIX):
                await self._api.unsubscribe(str(live.get("subscription_id") or live.get("id")))
        for event, user_id in sorted(wanted):
            await self._api.subscribe(event, user_id, f"{PREFIX}{event}:{user_id}")


async def _listen(channel: _Channel, lines: AsyncGenerator[list[bytes], None], intake: Intake, meter: Meter) -> None:
    """Take in what a stream gives until it raises; return at the ceiling."""
    clock = intake.clock
    async with aclosing(lines) as chunks:
        await anext(chunks)
        await intake.report(channel.covered, "live")
        await channel.missed(await intake.begin(channel.covered, clock.now(), f"{channel.name} was not connected"))
        async for chunk in chunks:
            received, trouble = _read(chunk, channel.accounts, meter, clock.now())
            tokens = (
                channel.accounts.edits() | meter.state()
            )  # with a keep-alive too: else a crash after a last post would forget its price
            if received or tokens:
                await intake.take(received, tokens)
            intake.coverage.complete(channel.covered, clock.now() - LATENCY)
            if trouble is not None:
                raise XTrouble("limited" if trouble.too_many else "closed", trouble.title)
            if meter.exhausted():
                return


def _read(
    chunk: Sequence[bytes], accounts: Accounts, meter: Meter, now: datetime
) -> tuple[list[Received], StreamTrouble | None]:
    received: list[Received] = []
    trouble: StreamTrouble | None = None
    for raw in chunk:
        if not raw.strip():
            continue  # keep-alive
        message = read_message(raw, now)
        if isinstance(message, StreamTrouble):
            trouble = message
        elif isinstance(message, XPost):
            one = accounts.received(message, raw)
            meter.charge(message, accounts.payer(one.source))
            received.append(one)
        else:
            received.append(Received("x:unknown", message, raw))
    return received, trouble
