"""A sender on a database and a stream of its own, and alerts for it to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.clock import Clock
from app.db import destinations
from app.db.config import put_destination
from app.db.migrate import upgrade
from app.db.models import Alert, Attempt, Delivery, DestinationState
from app.db.outbox import outbox_rows
from app.db.session import Database, open_database
from app.domain.config import DestinationConfig
from app.domain.deliveries import routes
from app.messages import AlertMessage, IncidentView
from app.notify.build import Builder
from app.notify.secrets import SecretBox
from app.outbound.client import OutboundClient
from app.outbound.witness import ClockWitness
from app.resources import Resources
from app.settings import load_settings
from app.streams.memory import MemoryStream
from app.telemetry.metrics import Metrics
from consumers.notify import Sender
from consumers.outlets import Outlets
from tests.rows import alert_row, message, view

KEY = "a key of at least thirty-two characters"
VARIABLES = {"SLACK_TOKEN": "xoxb-canary"}


class Sending:
    """What a test of the sender holds: `run` starts one, `raise_alerts` gives it work."""

    def __init__(self, resources: Resources, memory: MemoryStream) -> None:
        self.resources = resources
        self.memory = memory
        self.box = SecretBox(KEY)
        self.witness: ClockWitness | None = None  # a test whose clock is not the machine's must not believe the machine
        self._seq = 0

    @property
    def database(self) -> Database:
        return self.resources.database

    @property
    def clock(self) -> Clock:
        return self.resources.clock

    def sender(self, http_clock: Clock | None = None) -> Sender:
        """Return a sender. `http_clock` times the requests: real time, where the test's own runs too fast for a real socket."""
        builder = Builder(
            secret_of=VARIABLES.get,
            box=self.box,
            outbound={"allow_hosts": ["127.0.0.1"]},
            clock=self.clock,
            connect=partial(OutboundClient, clock=http_clock or self.clock, witness=self.witness),
            stream=self.memory,
        )
        return Sender(self.resources, Outlets(builder))

    @asynccontextmanager
    async def run(self, senders: int = 1, http_clock: Clock | None = None) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(self.sender(http_clock).run()) for _ in range(senders)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome

    async def add(self, name: str, kind: str, secret: str | None = None, **options: Any) -> None:
        async with self.database.write() as writing:
            envs = {key: options.pop(key) for key in ("url_env", "token_env") if key in options}
            await put_destination(writing, DestinationConfig(name, kind, options=options, **envs))
            if secret:
                await destinations.rotate_secret(writing, name, self.box.seal(secret), self.clock.now())

    async def raise_alerts(
        self,
        alerts: Sequence[AlertMessage],
        destinations_named: Sequence[str],
        *,
        at: datetime | None = None,
        incidents: Mapping[str, IncidentView] | None = None,
        exercise: bool = False,
    ) -> None:
        """Store alerts and their deliveries as the desk does, in one transaction."""
        now = at or self.clock.now()
        async with self.database.write() as writing:
            for alert in alerts:
                self._seq += 1
                incident = (incidents or {}).get(alert.incident) or view(1, id=alert.incident)
                writing.session.add(alert_row(self._seq, alert, incident, stored_at=now, exercise=exercise))
                for row in outbox_rows(alert, routes(destinations_named, (), exercise=exercise), now):
                    writing.session.add(Delivery(**row))

    async def states(self, destination: str) -> dict[str, int]:
        """Return how many deliveries of a destination stand in which state."""
        async with self.database.read() as session:
            query = select(Delivery.state, func.count()).where(Delivery.destination == destination)
            return dict((await session.execute(query.group_by(Delivery.state))).all())

    async def deliveries(self, destination: str) -> list[Delivery]:
        async with self.database.read() as session:
            query = select(Delivery).join(Alert, Alert.id == Delivery.alert_id, isouter=True)
            rows = await session.execute(query.where(Delivery.destination == destination).order_by(Alert.seq))
            return list(rows.scalars())

    async def attempts(self) -> list[Attempt]:
        async with self.database.read() as session:
            return list((await session.execute(select(Attempt).order_by(Attempt.at))).scalars())

    async def state(self, destination: str) -> DestinationState | None:
        async with self.database.read() as session:
            return await session.get(DestinationState, destination)

    async def settled(self, destination: str, seconds: float = 30.0) -> dict[str, int]:
        """Wait, in real seconds, until nothing is pending for a destination, and return its states."""
        async with asyncio.timeout(seconds):
            while (states := await self.states(destination)).get("pending") or not states:
                await asyncio.sleep(0.02)
        return states


def alerts(count: int, start: int = 1, **change: Any) -> list[AlertMessage]:
    """Return alerts of as many incidents."""
    return [message(number, **change) for number in range(start, start + count)]


def in_minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


@asynccontextmanager
async def sending(folder: Path, clock: Clock, url: str | None = None) -> AsyncIterator[Sending]:
    """Set up on SQLite in `folder`, or on the empty database at `url`."""
    url = url or f"sqlite:///{folder / 'watchdesk.db'}"
    await upgrade(url)
    settings = load_settings({"WATCHDESK_HOME": str(folder)}, mounts="")
    async with open_database(url, role="run") as database:
        memory = MemoryStream(clock)
        yield Sending(Resources(settings, clock, database, memory, Metrics()), memory)
