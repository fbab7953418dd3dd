"""X: accounts and words through the filtered stream, accounts and deletions through the activity stream, and every gap filled.

Resume: X has none for streams, so what was missed is fetched by recent search or from timelines, bounded in pages and in cost, and
marked `gapfill`. Edits carry the id of the first version; deletions come as events. Cost: see `producers.x_budget`; at the daily
ceiling the source pauses and says so. A wrong token is said once. Reconnects keep to `producers.x_pace`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from producers.intake import Intake, Received
from producers.port import Refused, Setup
from producers.x_accounts import Accounts, Meter
from producers.x_budget import Budget
from producers.x_fill import Filler
from producers.x_pace import STEADY_S, Pace
from producers.x_payloads import StreamTrouble, XPost, read_message
from producers.x_port import Api, OpenApi, XTrouble
from producers.x_rules import PREFIX, changes, refused_values, wanted_rules

LATENCY = timedelta(seconds=10)  # a post may come so long after it was written (X: P99 6 to 7 s)
USAGE_EVERY_S = 3600.0
WORDS = "x:words"  # what the stream finds by words: no account, but its gaps are gaps too

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

    @property
    def source_ids(self) -> frozenset[str]:
        return frozenset(self.accounts.ids) | ({WORDS} if self.queries else frozenset())

    async def read(self, intake: Intake) -> None:
        opened = self._open_api()
        if opened is None:
            raise Refused(self._missing)
        async with opened as api:
            self.accounts.learn(msgspec.json.decode(await intake.token("users") or b"{}"))
            meter = Meter(Budget(self._ceiling, await intake.token("budget")), intake)
            filler = Filler(api, intake, self.accounts, meter, self.queries)
            await filler.load()
            async with asyncio.TaskGroup() as group:
                group.create_task(filler.run())
                group.create_task(self._watch_usage(api))
                if self.accounts.by_rule or self.queries:
                    group.create_task(_keep(PostStream(self, api, filler), intake, meter))
                if self.accounts.ids:
                    group.create_task(_keep(EventStream(self, api, filler), intake, meter))

    async def _watch_usage(self, api: Api) -> None:
        """Log what X itself counted, every hour: the meter and the bill can be compared."""
        while True:
            try:
                used = await api.usage()
                log.info("usage of the X API", used=used.get("project_usage"), cap=used.get("project_cap"))
            except (XTrouble, Refused) as trouble:
                log.info("usage of the X API is not known", detail=trouble.detail)
            await self.accounts.clock.sleep(USAGE_EVERY_S)


class _Channel(Protocol):
    """One of the two streams; `covered` are the sources that it reads in full."""

    name: str

    @property
    def covered(self) -> Sequence[str]: ...

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None: ...


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
        self._accounts = producer.accounts
        self._queries = producer.queries
        self.covered = [*self._accounts.sources(self._accounts.by_rule), *([WORDS] if self._queries else [])]

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None:
        await self.reconcile()
        pace.connected(intake.clock.monotonic())
        await _listen(self, self._api.posts(), intake, meter, self._filler)

    async def reconcile(self) -> None:
        """Bring X's rules to what we want: checked dry first, added before others are deleted, refused ones named."""
        wanted = wanted_rules(self._accounts.by_rule, self._queries)
        change = changes(wanted, await self._api.rules())
        add = dict(change.add)
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


class EventStream:
    """The activity stream: posts of the accounts that are read by it, deletions of all."""

    name = "activity stream"

    def __init__(self, producer: XProducer, api: Api, filler: Filler) -> None:
        self._api = api
        self._filler = filler
        self._accounts = producer.accounts
        self.covered = self._accounts.sources(self._accounts.by_activity)

    async def run(self, intake: Intake, meter: Meter, pace: Pace) -> None:
        await self._accounts.look_up(self._api, intake, meter)
        await self.reconcile()
        pace.connected(intake.clock.monotonic())
        await _listen(self, self._api.events(), intake, meter, self._filler)

    async def reconcile(self) -> None:
        """Hold one subscription per account and event, and no others of ours."""
        known = self._accounts.user_ids
        create = {("post.create", known[h.lower()]) for h in self._accounts.by_activity if h.lower() in known}
        every = [*self._accounts.by_activity, *self._accounts.by_rule]
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


async def _listen(
    channel: _Channel, lines: AsyncGenerator[list[bytes], None], intake: Intake, meter: Meter, filler: Filler
) -> None:
    """Take in what a stream gives until it raises; return at the ceiling."""
    clock = intake.clock
    async with aclosing(lines) as chunks:
        await anext(chunks)
        await intake.report(channel.covered, "live")
        await filler.add(await intake.begin(channel.covered, clock.now(), f"{channel.name} was not connected"))
        async for chunk in chunks:
            received, trouble = _read(chunk, filler.accounts, meter, clock.now())
            if received:
                await intake.take(received, meter.state())
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
            meter.charge(message, one.source)
            received.append(one)
        else:
            received.append(Received("x:unknown", message, raw))
    return received, trouble
