"""The one place where things are built and closed: what a role needs, opened in order, closed in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property

from app.clock import Clock, SystemClock
from app.db.session import Database, Role, open_database
from app.domain.gazetteer import Gazetteer
from app.domain.lexicon import Lexicon, load_lexicon
from app.domain.tagging import Tagger
from app.gazetteer_file import default_gazetteer, open_gazetteer, prepare_gazetteer
from app.outbound.witness import ClockWitness
from app.settings import Settings
from app.streams.open import open_stream
from app.streams.port import Stream
from app.telemetry.health import Health
from app.telemetry.metrics import Metrics
from app.telemetry.tracing import Tracing, open_tracing

PLACES = "places"  # the part of a process's health


@dataclass
class Resources:
    """What the roles share. The gazetteer and the tagger are opened at first use: an API without a rule to check needs neither."""

    settings: Settings
    clock: Clock
    database: Database
    stream: Stream
    metrics: Metrics
    health: Health = field(default_factory=Health)
    tracing: Tracing = field(default_factory=Tracing)
    _opening_places: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @cached_property
    def witness(self) -> ClockWitness:
        """What those whom this process calls say of its clock."""
        return ClockWitness(self.clock)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        named = self.settings.gazetteer
        return default_gazetteer(self.settings.home) if named is None else open_gazetteer(named)

    async def open_places(self) -> Gazetteer:
        """Return the gazetteer; where the home has none it is built first, half a minute in which everything else goes on."""
        async with self._opening_places:
            if "gazetteer" not in self.__dict__:
                named = self.settings.gazetteer
                if named is None:
                    self.gazetteer = await prepare_gazetteer(self.settings.home, self._building_places)
                else:
                    self.gazetteer = await asyncio.to_thread(open_gazetteer, named)
            if PLACES in self.health.parts:
                self.health.say(PLACES, self.clock.now(), ok=True)
        return self.gazetteer

    def _building_places(self) -> None:
        self.health.say(PLACES, self.clock.now(), ok=False, detail="building the place index")

    @cached_property
    def lexicon(self) -> Lexicon:
        return load_lexicon()

    @cached_property
    def tagger(self) -> Tagger:
        return Tagger(self.gazetteer, self.lexicon)


@asynccontextmanager
async def open_resources(
    settings: Settings, *, role: Role, clock: Clock | None = None, metrics: Metrics | None = None
) -> AsyncIterator[Resources]:
    """Open the stream and the database that the settings name. Neither is asked anything yet, so a dependency may be down."""
    own_clock = clock or SystemClock()
    async with (
        open_database(settings.database_url, role=role, clock=own_clock) as database,
        open_stream(settings.stream, own_clock) as stream,
        open_tracing(wanted=settings.tracing, role=role) as tracing,
    ):
        yield Resources(settings, own_clock, database, stream, metrics or Metrics(), tracing=tracing)
