"""Commits of other processes, heard as they happen: PostgreSQL tells those who listen, so nobody waits for the next poll.

A hint, no more: behind a pooler that keeps no sessions nothing is heard, and what was said while the connection was away is lost.
Whoever waits polls as well.
"""

from __future__ import annotations

import asyncio
import secrets

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.clock import Clock

CHANNEL = "watchdesk_commits"
AGAIN_S = 2.0  # between two tries to connect
BURST_S = 0.1
STOP_S = 1.0

log = structlog.get_logger(__name__)


class CommitNews:
    """Tells of our own commits, and sets `heard` at those of others once `start` was called. It takes one connection then."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.heard = asyncio.Event()
        self._engine = engine
        self._clock = clock
        self._me = secrets.token_hex(8)
        self._listening: asyncio.Task[None] | None = None

    async def lock_and_tell(self, session: AsyncSession, lock: int) -> None:
        """Take the writer lock, and have the commit told to all who listen: one statement for both."""
        statement = text("SELECT pg_advisory_xact_lock(:lock), pg_notify(:channel, :me)")
        await session.execute(statement, {"lock": lock, "channel": CHANNEL, "me": self._me})

    def start(self) -> None:
        """Listen from now on, until closed."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening], timeout=STOP_S)
        await self._engine.dispose()

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception as error:  # noqa: BLE001 - a hint: without it everybody polls, and is told there what is wrong
                log.debug("commits of others are not heard", detail=str(error))
            await self._clock.sleep(AGAIN_S)

    async def _hear(self) -> None:
        """Listen until the connection ends. Commits come in bursts: one word for all of a burst."""
        news = asyncio.Event()

        def told(connection: object, sender: int, channel: str, payload: str) -> None:
            del connection, sender, channel
            if payload != self._me:
                news.set()

        async with self._engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                return
            try:
                driver.add_termination_listener(lambda _: news.set())
                await driver.add_listener(CHANNEL, told)
                while not driver.is_closed():
                    news.clear()
                    self.heard.set()  # the first time for what was committed before we listened
                    await self._clock.sleep(BURST_S)
                    await news.wait()
            finally:
                driver.terminate()  # a goodbye could wait for a server that hangs
