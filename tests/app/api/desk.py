"""A served API for tests: real uvicorn on a free port, and a small client that reads answers and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec
from fastapi import FastAPI

from app.api.server import serving
from app.clock import Clock, SystemClock
from app.db.session import Database
from app.domain.gazetteer import Gazetteer
from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.main import create_app
from app.settings import Settings, load_settings
from app.streams.memory import MemoryStream
from app.streams.port import Stream
from app.telemetry.health import Health
from app.telemetry.metrics import Metrics
from tests.builders import small_gazetteer


@dataclass
class Given:
    """What the API needs of the resources."""

    settings: Settings
    database: Database
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    health: Health = field(default_factory=Health)

    @cached_property
    def stream(self) -> Stream:
        return MemoryStream(self.clock)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        return small_gazetteer()

    async def open_places(self) -> Gazetteer:
        return self.gazetteer

    @cached_property
    def tagger(self) -> Tagger:
        return Tagger(self.gazetteer, load_lexicon())


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: Any


class Event(NamedTuple):
    kind: str
    id: str
    data: Any


@dataclass
class Desk:
    """A running API."""

    url: str
    app: FastAPI
    given: Given
    session: aiohttp.ClientSession

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return await self.ask("GET", path, headers=headers)

    async def ask(self, method: str, path: str, **how: Any) -> Reply:
        async with self.session.request(method, self.url + path, allow_redirects=False, **how) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return Reply(response.status, response.headers, msgspec.json.decode(raw) if is_json and raw else raw)

    @asynccontextmanager
    async def events(self, path: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[Events]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
        async with self.session.get(self.url + path, headers=headers, timeout=timeout) as response:
            assert response.status == 200, await response.text()
            yield Events(response)

    def value(self, name: str, **labels: str) -> float:
        return self.given.metrics.registry.get_sample_value(name, labels) or 0.0


class Events:
    """Reads a stream of events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self, *kinds: str) -> Event:
        """Return the next event of these kinds ("id": an id without data)."""
        while True:
            event = await asyncio.wait_for(self._next(), 20)
            if event.kind in kinds:
                return event

    async def _next(self) -> Event:
        fields: dict[str, str] = {}
        while True:
            line = (await self.response.content.readline()).decode()
            if not line:
                raise EOFError
            name, _, value = line.rstrip("\n").partition(": ")
            if line.startswith(":"):
                self.comments += 1
            elif line != "\n":
                fields[name] = value
            elif fields:
                break
        data = msgspec.json.decode(fields["data"]) if "data" in fields else None
        kind = fields.get("event", "id" if "id" in fields else "retry")
        return Event(kind, fields.get("id", ""), data)


def settings_for(home: Path, **change: str) -> Settings:
    return load_settings({"WATCHDESK_HOME": str(home), **change})


@asynccontextmanager
async def desk_on(database: Database, clock: Clock | None = None, **change: str) -> AsyncIterator[Desk]:
    home = Path("/tmp/watchdesk-none")  # noqa: S108 - nothing is written there
    given = Given(settings_for(home, **change), database, clock or SystemClock())
    app = create_app(given)
    async with serving(app, "127.0.0.1", 0) as running, aiohttp.ClientSession() as session:
        yield Desk(running.url, app, given, session)
