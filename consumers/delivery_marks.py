"""What came of a send -> the database: the attempt, the rows, the destination's circuit, and who else must hear of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from app.clock import Clock
from app.db import destinations, outbox
from app.db.models import DestinationState, LiveMessage
from app.db.outbox import CANCELLED, DELIVERED, DIGESTED, AttemptMade, Loaded
from app.db.session import WriteSession
from app.notify.port import Delivered, Digest, Failed, Message, Outcome, Outgoing
from app.notify.schedule import Circuit, after_failure, wait_after
from app.telemetry.metrics import Metrics
from consumers.clock_watch import ClockWatch
from consumers.outlets import Outlet, circuit_of
from consumers.traces import delivering

NOTED_EVERY = timedelta(seconds=5)  # how exactly the last success is known

log = structlog.get_logger(__name__)


class Sent(NamedTuple):
    """What came of a send, and how many seconds it took."""

    outcome: Outcome
    seconds: float


class Marks:
    """Writes within the caller's transaction."""

    def __init__(self, clock: Clock, metrics: Metrics, watch: ClockWatch) -> None:
        self._clock = clock
        self._metrics = metrics
        self._watch = watch

    async def mark(
        self,
        outlet: Outlet,
        parts: Sequence[Loaded],
        message: Message,
        sent: Sent,
        writing: WriteSession,
    ) -> None:
        """Write down what came of it: the attempt, the rows, the circuit, and who else must hear of it."""
        with delivering(outlet.name, parts):  # here too: many works share a transaction, and its opener's context
            await self._mark(outlet, parts, message, sent, writing)

    async def _mark(
        self, outlet: Outlet, parts: Sequence[Loaded], message: Message, sent: Sent, writing: WriteSession
    ) -> None:
        outcome, now = sent.outcome, self._clock.now()
        ids = [part.id for part in parts]
        count = self._metrics.deliveries.attempts.labels
        state = await destinations.state_of(writing.session, outlet.name)
        if isinstance(outcome, Delivered):
            await outbox.record(writing, ids, AttemptMade(now, "delivered", "", sent.seconds))
            await self._mark_delivered(writing, outlet, message, ids, outcome)
            await self._recovered(writing, state, now)
            count(outlet.spec.type, "delivered").inc()
            gathered = isinstance(message, Digest) or outlet.notifier.gathers
            count(outlet.spec.type, "digested").inc(len(ids) - 1 if gathered else 0)
            return
        kind = "refused" if outcome.refused or not outcome.retry else "failed"
        await outbox.record(writing, ids, AttemptMade(now, kind, outcome.reason, sent.seconds))
        count(outlet.spec.type, "temporary" if outcome.retry else "permanent").inc()
        if not outcome.retry and not outcome.disable:
            await outbox.settle(writing, ids, CANCELLED, f"not taken: {outcome.reason}", now)
            count(outlet.spec.type, "cancelled").inc(len(ids))
            await self.alarm(writing, outlet.name, f"{len(ids)} of its alerts will not be taken: {outcome.reason}")
            return
        await self._mark_failed(writing, outlet, parts, outcome, state)

    async def _mark_delivered(
        self, writing: WriteSession, outlet: Outlet, message: Message, ids: Sequence[str], outcome: Delivered
    ) -> None:
        now = self._clock.now()
        if isinstance(message, Digest):
            await outbox.settle(writing, ids, DIGESTED, f"in the digest {message.id}", now)
            return
        carried = ids[:-1] if outlet.notifier.gathers else []
        await outbox.settle(writing, carried, DIGESTED, f"in {message.id}", now)
        await outbox.settle(writing, ids[len(carried) :], DELIVERED, outcome.reference or "", now)
        if isinstance(message, Outgoing) and outcome.reference is not None:
            live = LiveMessage(
                destination=outlet.name,
                incident_id=message.alert.incident,
                reference=outcome.reference,
                level=message.alert.level,
                updated_at=now,
            )
            await destinations.put_live_message(writing, live)

    async def _recovered(self, writing: WriteSession, state: DestinationState, now: datetime) -> None:
        if state.failures:
            await outbox.pull_forward(writing, state.destination, now)
            log.info("destination works again", destination=state.destination, failures=state.failures)
        elif state.last_success_at is not None and now - state.last_success_at < NOTED_EVERY and not state.detail:
            return
        state.failures = state.refusals = 0
        state.failing_since = state.paused_until = None
        state.last_success_at, state.detail = now, ""
        await destinations.put_state(writing, state)

    async def _mark_failed(
        self, writing: WriteSession, outlet: Outlet, parts: Sequence[Loaded], outcome: Failed, state: DestinationState
    ) -> None:
        now = self._clock.now()
        circuit = circuit_of(state)
        if not outcome.ours:
            circuit = after_failure(circuit, now, refused=outcome.refused, retry_after=outcome.retry_after)
        wait = wait_after(max(part.attempts for part in parts) + 1, random.random())
        await outbox.put_off(
            writing,
            [part.id for part in parts],
            max(now + timedelta(seconds=wait), circuit.paused_until or now),
            outcome.reason,
        )
        _put_circuit(state, circuit, outcome.reason)
        dead = circuit.dead(now) and not self._watch.doubted
        if (outcome.disable or dead) and not outlet.built_in:
            state.disabled_at = now
            await self.alarm(writing, outlet.name, f"switched off: {outcome.reason}")
        await destinations.put_state(writing, state)
        log.warning("delivery failed", destination=outlet.name, reason=outcome.reason, failures=state.failures)

    async def alarm(self, writing: WriteSession, about: str, what: str) -> None:
        """Tell every other destination that works of trouble with one."""
        told = await self.tell(writing, f"destination {about!r}: {what}", but=about)
        log.error("alarm", destination=about, what=what, told=told)

    async def tell(self, writing: WriteSession, text: str, *, but: str | None = None) -> int:
        """Put a notice in the outbox of every destination that works but one; return of how many."""
        states = await destinations.states(writing.session)
        others = [
            name
            for name in await destinations.active_names(writing.session)
            if name != but and (name not in states or states[name].disabled_at is None)
        ]
        now = self._clock.now()
        await outbox.enqueue_notice(writing.session, text, others, now)
        return len(others)


def _put_circuit(state: DestinationState, circuit: Circuit, detail: str) -> None:
    state.failures, state.refusals = circuit.failures, circuit.refusals
    state.failing_since, state.paused_until = circuit.failing_since, circuit.paused_until
    state.detail = detail[:500]
