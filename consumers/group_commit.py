"""Many small writes that end at the same moment -> one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.db.session import Database, WriteSession

Work = Callable[[WriteSession], Awaitable[None]]


class GroupCommit:
    """Whoever comes while a transaction runs waits for the next one and shares it. All works of a transaction stand or fall together."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._queue: list[tuple[Work, asyncio.Future[None]]] = []

    async def run(self, work: Work) -> None:
        """Return once `work` is committed; raise what the transaction raised."""
        mine = asyncio.get_running_loop().create_future()
        self._queue.append((work, mine))
        async with self._turn:
            if not mine.done():
                await self._commit()
        await mine

    async def _commit(self) -> None:
        batch, self._queue = self._queue, []
        try:
            async with self._database.write() as writing:
                for work, _ in batch:
                    await work(writing)
        except BaseException as error:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_exception(error) if isinstance(error, Exception) else waiting.cancel()
            if not isinstance(error, Exception):
                raise
        else:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.set_result(None)
