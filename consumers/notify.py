"""outbox -> destinations. Any number of senders; a row is theirs by lease, and nothing is ever marked "sending".

A destination that fails three times in a row is down: one probe at a time goes out, a minute apart or later where it says so.
After the first success everything that waits for it is due again, fresh before stale.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

import structlog

from app.crash import crash_point
from app.db import destinations, outbox
from app.db.models import DestinationState
from app.db.outbox import CANCELLED, Loaded
from app.domain.deliveries import TOPIC
from app.domain.exercises import NOWHERE
from app.errors import Unavailable, WatchdeskError
from app.notify.build import Builder
from app.notify.plan import Due, Plan, plan, probe
from app.notify.port import Delivered, Failed, Message, Notice, Outcome
from app.notify.schedule import EXPIRY, probe_gap
from app.notify.secrets import SecretBox
from app.outbound.client import OutboundClient
from app.resources import Resources
from consumers.clock_watch import ClockWatch
from consumers.deadman import Deadman
from consumers.delivery_marks import Marks, Sent
from consumers.group_commit import GroupCommit
from consumers.measures import count_sent, count_waiting
from consumers.outlets import Composer, Outlet, Outlets, circuit_of
from consumers.silence import silence_news
from consumers.traces import about, delivering

POLL_S = 1.0
LOOK_ANYWAY_S = 10.0  # a database that went away is noticed within this, also while nothing is sent
LEASE = timedelta(seconds=30)
DEADLINE_S = 25.0  # one message with all its calls; shorter than the lease
HOUSEKEEPING_S = 60.0
RETRY_MARK_S = 0.5
WINDOW = 500  # due alerts that are looked at where a backlog becomes a digest
DRAIN_S = 4.0  # real seconds, of the five and a half that a role's work has to stop in

log = structlog.get_logger(__name__)


async def run_notify(resources: Resources) -> None:
    """Send for ever. A database that is down pauses it; a destination that is down holds up no other."""
    settings = resources.settings
    builder = Builder(
        secret_of=settings.secret_of,
        box=SecretBox(settings.secret_key),
        outbound=settings.config.section("outbound"),
        clock=resources.clock,
        stream=resources.stream,
        connect=partial(OutboundClient, clock=resources.clock, witness=resources.witness),
    )
    await Sender(resources, Outlets(builder)).run()


class Sender:
    """Looks for what is due each second, and serves each destination in a task of its own."""

    def __init__(self, resources: Resources, outlets: Outlets) -> None:
        self._database = resources.database
        self._clock = resources.clock
        self._metrics = resources.metrics
        self._spans = resources.tracing
        self._deadman = Deadman(resources)
        self._outlets = outlets
        self._composer = Composer(demo=resources.settings.demo)
        self._owner = secrets.token_hex(8)
        self._commits = GroupCommit(resources.database)
        self._clock_watch = ClockWatch(resources)
        self._marks = Marks(resources.clock, resources.metrics, self._clock_watch)
        self._busy: set[str] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._wake = asyncio.Event()
        self._kept_house = float("-inf")
        self._idle_mark: int | None = None
        self._looked_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; then let what is on its way arrive and be written down, and claim nothing more."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._wake.clear()
                try:
                    if not self._unchanged():
                        await self._look()
                    self._metrics.stages.paused.labels("notify").set(0)
                except Unavailable as down:
                    self._metrics.stages.paused.labels("notify").set(1)
                    self._metrics.stages.errors.labels("notify", "unavailable").inc()
                    log.warning("paused", stage="notify", down=down.what, detail=down.detail)
                await self._wait()
        finally:
            self._stopping = True
            listening.cancel()
            await asyncio.wait({listening, *self._serving}, timeout=DRAIN_S)
            for task in self._serving:
                task.cancel()
            await asyncio.gather(listening, *self._serving, return_exceptions=True)

    async def _listen(self) -> None:
        while True:
            await self._database.wait_for_commit()
            self._wake.set()

    async def _wait(self) -> None:
        await self._clock.sleep(POLL_S / 20)  # commits come in bursts: one look for all of them
        try:
            async with self._clock.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return

    def _unchanged(self) -> bool:
        """Return whether the last look found nothing that waits, and nobody has written anything since."""
        if self._idle_mark is None or self._clock.monotonic() - self._looked_at >= LOOK_ANYWAY_S:
            return False
        return self._database.mark() == self._idle_mark

    async def _look(self) -> None:
        now = self._clock.now()
        mark, self._idle_mark = self._database.mark(), None
        for task in [task for task in self._serving if task.done()]:
            self._serving.discard(task)
            task.result()  # what no destination can be blamed for ends the sender
        async with self._database.read() as session:
            known = await destinations.known(session)
            states = await destinations.states(session)
            waiting = await outbox.backlog(session, now)
        if not waiting and not self._busy:
            self._idle_mark, self._looked_at = mark, self._clock.monotonic()
        outlets, broken = self._outlets.update([one.destination for one in known])
        await self._say_why(broken, outlets, states)
        types = {TOPIC: "stream", NOWHERE: "null", **{one.destination.name: one.destination.type for one in known}}
        self._measure(types, states, waiting)
        if self._clock.monotonic() - self._kept_house >= HOUSEKEEPING_S or self._clock_watch.stepped():
            self._kept_house = self._clock.monotonic()
            await self._keep_house(types)
        for name, backlog in waiting.items():
            outlet = outlets.get(name)
            if outlet is None and name not in broken:
                await self._cancel_gone(name, retired=any(one.destination.name == name for one in known))
            state = states.get(name)
            open_now = state is None or (state.disabled_at is None and not circuit_of(state).paused(now))
            wanted = backlog.due or (state is not None and circuit_of(state).down)
            if outlet is not None and wanted and open_now and name not in self._busy:
                self._busy.add(name)
                self._serving.add(asyncio.create_task(self._serve(outlet), name=f"notify:{name}"))

    async def _serve(self, outlet: Outlet) -> None:
        """Send what is due for one destination until nothing is, or it does not work."""
        try:
            while not self._stopping and await self._round(outlet):
                pass
        except Unavailable as down:
            log.warning("paused", stage="notify", down=down.what, detail=down.detail)
        finally:
            self._busy.discard(outlet.name)
            self._wake.set()

    async def _round(self, outlet: Outlet) -> bool:
        """Claim and send once; return whether there may be more to do now."""
        planned, loaded = await self._claim(outlet)
        crash_point("notify.after_claim")
        if planned.digest:
            return await self._send_digest(outlet, [loaded[one.id] for one in planned.digest])
        if not planned.single:
            return False
        groups = [[loaded[one.id] for one in group] for group in planned.single]
        if outlet.bare:
            return await self._send_bare(outlet, [part for group in groups for part in group])
        # All are waited for, whatever becomes of one: what was sent must be written down.
        done = await asyncio.gather(*(self._send_group(outlet, parts) for parts in groups), return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
        return all(done)

    async def _claim(self, outlet: Outlet) -> tuple[Plan, dict[str, Loaded]]:
        now = self._clock.now()
        async with self._database.write() as writing:
            session = writing.session
            state = await destinations.state_of(session, outlet.name)
            circuit = circuit_of(state)
            if state.disabled_at is not None or circuit.paused(now):
                return Plan(), {}
            rows = await outbox.due(
                session, outlet.name, now, limit=WINDOW if outlet.notifier.gathers else 4 * outlet.notifier.concurrency
            )
            if not rows and circuit.down:
                rows = await outbox.next_waiting(session, outlet.name)
            waiting = [Due(*row) for row in rows]
            planned = plan(
                probe(waiting) if circuit.failures else waiting,
                now,
                gathers=outlet.notifier.gathers,
                digest_after=outlet.spec.digest_after,
                limit=1 if circuit.failures else outlet.notifier.concurrency,
            )
            ids = [one.id for group in (*planned.single, planned.digest) for one in group]
            await outbox.claim(writing, ids, owner=self._owner, until=now + LEASE)
            if ids and circuit.down and circuit.failing_since is not None:
                # Before the probe goes out, so that no other sender sends one too.
                state.paused_until = now + timedelta(seconds=probe_gap(now - circuit.failing_since))
                await destinations.put_state(writing, state)
            return planned, await outbox.load(session, ids)

    async def _send_group(self, outlet: Outlet, parts: Sequence[Loaded]) -> bool:
        now = self._clock.now()
        try:
            async with self._database.read() as session:
                why = await self._composer.why_not(session, outlet, parts)
                message = None if why else await self._composer.compose(session, outlet, parts, now)
        except WatchdeskError:
            raise
        except Exception as error:
            log.exception("a message could not be put together", destination=outlet.name, delivery=parts[-1].id)
            failed = Failed(retry=True, reason=f"bug: {type(error).__name__}", ours=True, bug=True)
            await self._commits.run(
                partial(self._marks.mark, outlet, parts, Notice(parts[-1].id, "", now), Sent(failed, 0.0))
            )
            return True
        return await self._deliver(outlet, parts, message) if message else await self._cancel(outlet, parts, why or "")

    async def _send_bare(self, outlet: Outlet, parts: Sequence[Loaded]) -> bool:
        """Send alerts that need nothing from the database, and write down together those that arrived."""
        begun = self._clock.monotonic()
        messages = [self._composer.bare(part, self._clock.now()) for part in parts]
        with self._spans.span("delivery", **about(outlet, parts)):
            outcomes = await asyncio.gather(*(self._send(outlet, message) for message in messages))
        seconds = self._clock.monotonic() - begun
        arrived = [part for part, outcome in zip(parts, outcomes, strict=True) if isinstance(outcome, Delivered)]
        if arrived:
            await self._note(outlet, arrived, messages[0], Sent(Delivered(), seconds))
        missed = [three for three in zip(parts, messages, outcomes, strict=True) if isinstance(three[2], Failed)]
        for part, message, outcome in missed:
            await self._note(outlet, [part], message, Sent(outcome, seconds))
        return not missed

    async def _send_digest(self, outlet: Outlet, parts: Sequence[Loaded]) -> bool:
        wanted: list[Loaded] = []
        async with self._database.read() as session:
            dropped: dict[str, list[Loaded]] = {}
            for _, group in groupby(parts, key=lambda part: part.alert.incident if part.alert else part.id):
                held = list(group)
                why = await self._composer.why_not(session, outlet, held)
                (dropped.setdefault(why, []) if why else wanted).extend(held)
        for reason, unwanted in dropped.items():
            await self._cancel(outlet, unwanted, reason)
        return not wanted or await self._deliver(outlet, wanted, self._composer.digest(wanted, self._clock.now()))

    async def _cancel(self, outlet: Outlet, parts: Sequence[Loaded], why: str) -> bool:
        async with self._database.write() as writing:
            await outbox.settle(writing, [part.id for part in parts], CANCELLED, why, self._clock.now())
        self._metrics.deliveries.attempts.labels(outlet.spec.type, "cancelled").inc(len(parts))
        return True

    async def _deliver(self, outlet: Outlet, parts: Sequence[Loaded], message: Message) -> bool:
        begun = self._clock.monotonic()
        with delivering(outlet.name, parts), self._spans.span("delivery", **about(outlet, parts)):
            outcome = await self._send(outlet, message)
            seconds = self._clock.monotonic() - begun
            await self._note(outlet, parts, message, Sent(outcome, seconds))
            if isinstance(outcome, Delivered):
                log.info("delivered", alerts=len(parts), seconds=round(seconds, 3))
        return isinstance(outcome, Delivered) or not (outcome.retry or outcome.disable)

    async def _note(self, outlet: Outlet, parts: Sequence[Loaded], message: Message, sent: Sent) -> None:
        """Write down what came of a send, however long the database is away: forgetting it would send it again."""
        crash_point("notify.after_send")
        self._metrics.deliveries.duration.labels(outlet.spec.type).observe(sent.seconds)
        while True:
            try:
                await self._commits.run(partial(self._marks.mark, outlet, parts, message, sent))
                break
            except Unavailable:
                await self._clock.sleep(RETRY_MARK_S)
        crash_point("notify.after_mark")
        arrived = isinstance(sent.outcome, Delivered)
        count_sent(self._metrics, parts, sent.seconds, self._clock.now(), arrived=arrived)
        if isinstance(sent.outcome, Failed) and sent.outcome.bug:
            self._metrics.stages.errors.labels("notify", "bug").inc()
        if outlet.name == NOWHERE and arrived:
            await self._deadman.came_through()

    async def _send(self, outlet: Outlet, message: Message) -> Outcome:
        try:
            async with self._clock.timeout(DEADLINE_S):
                return await outlet.notifier.send(message)
        except TimeoutError:
            return Failed(retry=True, reason=f"timeout: not done within {DEADLINE_S:g} s")
        except Exception as error:
            # Our own bug in one message must not stop the others: it is tried again by the schedule and expires with an alarm.
            log.exception("a message could not be made", destination=outlet.name, delivery=message.id)
            return Failed(retry=True, reason=f"bug: {type(error).__name__}", ours=True, bug=True)

    async def _keep_house(self, types: dict[str, str]) -> None:
        """End what waited for 72 h, and say so; say which sources fell silent, which are heard again, and whether our clock is wrong."""
        async with self._database.write() as writing:
            now = self._clock.now()  # one reading for all: between two the clock may be set
            for line in await self._clock_watch.keep(writing, now):  # first: what a wrong clock dated has not waited
                log.error("clock", detail=line, told=await self._marks.tell(writing, line))
            expired = {} if self._clock_watch.far_off else await outbox.expire(writing, now - EXPIRY, now)
            for name, count in expired.items():
                await self._marks.alarm(writing, name, f"{count} alerts expired undelivered after 72 h")
                if name in types:
                    self._metrics.deliveries.attempts.labels(types[name], "expired").inc(count)
            for line in await silence_news(writing, now):
                log.warning("silence", detail=line, told=await self._marks.tell(writing, line))
        self._clock_watch.committed()

    async def _say_why(
        self, broken: Mapping[str, str], outlets: Collection[str], states: Mapping[str, DestinationState]
    ) -> None:
        """Show why a destination cannot be used where people look for it, until it can; what waits for it stays."""
        said = {name: state.detail for name, state in states.items()}
        usable = {name: "" for name in outlets if name in states and destinations.cannot_be_used(states[name])}
        for name, why in (dict(broken) | usable).items():
            if said.get(name) != why:
                async with self._database.write() as writing:
                    state = await destinations.state_of(writing.session, name)
                    state.detail = why
                    await destinations.put_state(writing, state)

    async def _cancel_gone(self, name: str, *, retired: bool) -> None:
        why = "destination deleted" if retired else "there is no such destination"
        async with self._database.write() as writing:
            cancelled = await outbox.cancel_all(writing, name, why, self._clock.now())
        log.warning("deliveries cancelled", destination=name, why=why, count=cancelled)

    def _measure(
        self, types: dict[str, str], states: dict[str, DestinationState], waiting: dict[str, outbox.Backlog]
    ) -> None:
        metrics = self._metrics.deliveries
        count_waiting(self._metrics, waiting.values(), self._clock.now())
        for kind in set(types.values()):
            mine = [backlog for name, backlog in waiting.items() if types.get(name) == kind]
            metrics.pending.labels(kind).set(sum(backlog.pending for backlog in mine))
            metrics.oldest.labels(kind).set(min((backlog.oldest.timestamp() for backlog in mine), default=0))
            off = sum(states[name].disabled_at is not None for name in types if types[name] == kind and name in states)
            metrics.disabled.labels(kind).set(off)
