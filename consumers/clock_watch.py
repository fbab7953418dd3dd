"""What the sender does about a clock that is wrong: says so once, keeps for a doctor what receivers say, frees what a wrong time holds back."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta
from typing import NamedTuple

from app.db import destinations, outbox
from app.db.clock import SeenOf, database_offset, put_seen
from app.db.session import WriteSession
from app.domain.clocks import BUILT, WRONG_S, apart, before_build
from app.notify.schedule import EXPIRY
from app.resources import Resources

SAID_EVERY = timedelta(minutes=10)
MOVED_S = 1.0  # what is written down sooner
STEP_S = 30.0  # set by more, a clock holds deliveries back for as long, or ends them before their time
FAR_S = 3600.0  # what an alert's three days do not notice is no reason to let none expire
AHEAD = timedelta(seconds=60)  # stored later than now: by a clock that runs ahead
LONGEST = timedelta(hours=5)  # beyond the longest wait between two attempts
PROBE = timedelta(seconds=60)


class _Known(NamedTuple):
    """What was known at the last minute: how far the wall clock was ahead of the monotonic one (it changes only when somebody sets the
    clock), what was written down of receivers, whether people were told that the clock is wrong, and whether it is so by far.
    """

    reading: float
    written: SeenOf | None = None
    told: bool = False
    far: bool = False


class ClockWatch:
    """Watches the clock of this process. What was said is kept in memory: a process that begins anew says it again."""

    def __init__(self, resources: Resources) -> None:
        self._clock = resources.clock
        self._witness = resources.witness
        self._machine = socket.gethostname()
        self._known = self._next = _Known(self._reading(resources.clock.now()))

    async def keep(self, writing: WriteSession, now: datetime) -> list[str]:
        """Do what a minute asks for and return what is new, as lines for people. `now`: read just now. What it did counts from `committed` on."""
        reading = self._reading(now)
        if before_build(now) is None:  # before that, every time that we stored lies ahead
            await self._free(writing, now, reading - self._known.reading)
        offset, who = self._offset(await database_offset(writing.session, self._clock))
        wrong = _wrong(now, offset, who)
        far = bool(wrong) and (before_build(now) is not None or abs(offset) > FAR_S)
        self._next = _Known(reading, await self._write_down(writing, now), bool(wrong), far)
        if self._next.told == self._known.told:
            return []
        return [f"the clock of {self._machine} {wrong or 'is right again'}"]

    def committed(self) -> None:
        self._known = self._next

    @property
    def far_off(self) -> bool:
        """Whether the clock is known to be wrong by so much that no alert may expire by it."""
        return self._next.far

    @property
    def doubted(self) -> bool:
        """Whether it is known to be wrong, or was set and what is stored is not mended yet: a refusal may then be our own fault."""
        return self._next.told or self.stepped()

    def stepped(self) -> bool:
        """Return whether somebody has set the clock since the last minute: what it freed must not wait."""
        return abs(self._reading(self._clock.now()) - self._known.reading) > STEP_S

    def _reading(self, now: datetime) -> float:
        return now.timestamp() - self._clock.monotonic()

    async def _free(self, writing: WriteSession, now: datetime, step_s: float) -> None:
        """Mend the times that are stored. Set back, a clock leaves them ahead; set forward, it lets them look long past."""
        back, forward = step_s < -STEP_S, step_s > STEP_S
        early = now - EXPIRY if forward else BUILT
        await outbox.date_anew(writing, early, now + AHEAD, now)
        await outbox.free(writing, now, beyond=now if back else now + LONGEST)
        await destinations.free(writing, early, now, until=now + (PROBE if back else LONGEST))

    async def _write_down(self, writing: WriteSession, now: datetime) -> SeenOf | None:
        seen, old = self._witness.seen(), self._known.written
        if seen is None:
            return old
        if old and abs(seen.offset_s - old.offset_s) <= MOVED_S and abs(now - old.at) < SAID_EVERY:
            return old
        said = SeenOf(round(seen.offset_s, 1), seen.hosts, now)
        await put_seen(writing, self._machine, said)
        return said

    def _offset(self, ahead: float | None) -> tuple[float, str]:
        """Return how far the clock is off, and who says so; `ahead` of the database's, where that has one."""
        seen = self._witness.seen()
        if seen is not None and abs(seen.offset_s) > WRONG_S:
            return seen.offset_s, "says one receiver" if seen.hosts == 1 else f"say {seen.hosts} receivers"
        return ahead or 0.0, "says the database"


def _wrong(now: datetime, offset: float, who: str) -> str:
    """Return what is wrong with the clock, nothing where it is right."""
    if before_build(now):
        return f"says {now:%Y-%m-%d}, before this build was made: webhooks are not signed and wait; set it (NTP)"
    if abs(offset) <= WRONG_S:
        return ""
    return f"is {apart(offset)}, {who}: signatures may be refused; set it (NTP)"
