"""The embedded log: the default stream, and the producers' local spool. One file, one thread, publishes that arrive together share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from app.clock import Clock
from app.streams.local_reader import LocalGroups
from app.streams.port import Bounds, Outgoing, Reader, StreamRecord
from app.streams.sqlite_file import LogFile, Write
from app.streams.topics import check_sizes

T = TypeVar("T")


class _Pending(NamedTuple):
    write: Write
    durable: bool
    done: asyncio.Future[None]


class SqliteLog:
    """See `app.streams.port.Stream`; `append` and `state` are what a producer's spool needs besides."""

    def __init__(self, file: LogFile, thread: ThreadPoolExecutor, clock: Clock) -> None:
        self._file = file
        self._thread = thread
        self._clock = clock
        self._groups = LocalGroups(self, clock)
        self._pending: list[_Pending] = []
        self._writer: asyncio.Task[None] | None = None
        self._spool_id = file.spool_id

    @property
    def path(self) -> Path:
        return self._file.path

    @property
    def spool_id(self) -> str:
        """Made with the file, renewed by `renew_identity`: half of an ingest id."""
        return self._spool_id

    async def renew_identity(self) -> str:
        """Give the file a new spool id, as a restore must."""
        self._spool_id = await self._call(LogFile.renew_identity, self._file)
        return self._spool_id

    async def publish(self, topic: str, records: Sequence[Outgoing]) -> None:
        check_sizes(topic, records)
        await self.append(topic, records)

    async def append(
        self,
        topic: str,
        records: Sequence[Outgoing],
        *,
        state: Mapping[str, bytes] | None = None,
        beside: Mapping[str, Sequence[Outgoing]] | None = None,
    ) -> None:
        """Append records of any size, those of other topics `beside` them, and put `state`: all or none of it.

        So a resume token never runs ahead of the lines it covers, and what we keep of a line never without its record.
        """
        batches = {topic: records, **(beside or {})}
        if not any(batches.values()) and not state:
            return
        now = self._clock.now().timestamp()

        def write(file: LogFile) -> None:
            for name, batch in batches.items():
                if batch:
                    file.append(name, batch, now)
            if state:
                file.put_state(state)

        await self._write(write, durable=True)
        self._groups.wake(tuple(batches))

    async def discard(self, topic: str, before: int) -> None:
        """Delete the records in front of offset `before`: what a forwarder has handed on need not stand here any longer."""
        await self._write(lambda file: file.discard(topic, before), durable=False)

    async def state(self, key: str) -> bytes | None:
        """Return what `append` last put under `key`."""
        return await self._call(LogFile.get_state, self._file, key)

    def reader(self, topic: str, group: str) -> AbstractAsyncContextManager[Reader]:
        return self._groups.join(topic, group)

    async def ping(self) -> None:
        await self._call(LogFile.bounds, self._file, "")

    async def expire(self, now: datetime, *, hold_for: Collection[str] = ()) -> dict[str, int]:
        """Delete what is older than its topic's retention and return how many records of each topic went.

        What a group of `hold_for` has not committed stays, however old: a spool names its forwarder here. A mapping names the groups
        of each topic apart.
        """
        gone: dict[str, int] = {}
        while True:
            chunk: dict[str, int] = {}

            def write(file: LogFile, into: dict[str, int] = chunk) -> None:
                into.update(file.expire(now.timestamp(), hold_for))

            await self._write(write, durable=False)
            if not chunk:
                return gone
            for topic, count in chunk.items():
                gone[topic] = gone.get(topic, 0) + count

    async def copy_to(self, target: Path) -> None:
        """Write a consistent copy of the file while it is in use."""
        await self._call(LogFile.copy_to, self._file, target)

    async def fetch(self, topic: str, offset: int, limit: int) -> tuple[Bounds, list[StreamRecord]]:
        return await self._call(LogFile.fetch, self._file, topic, offset, limit)

    async def bounds(self, topic: str) -> Bounds:
        return await self._call(LogFile.bounds, self._file, topic)

    async def load_offset(self, topic: str, group: str) -> int | None:
        return await self._call(LogFile.load_offset, self._file, topic, group)

    async def save_offset(self, topic: str, group: str, offset: int) -> None:
        # Not synced on its own: a power cut before the next publish costs a redelivery, and ids absorb that.
        await self._write(lambda file: file.save_offset(topic, group, offset), durable=False)

    async def drain(self) -> None:
        """Return when everything asked for so far is written."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _call(self, function: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def _write(self, write: Write, *, durable: bool) -> None:
        pending = _Pending(write, durable, asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_pending())
        await pending.done

    async def _write_pending(self) -> None:
        """Commit whatever waits, all of it in one transaction, until nothing waits."""
        while self._pending:
            batch, self._pending = self._pending, []
            error: BaseException | None = None
            try:
                await self._call(self._run, [p.write for p in batch], any(p.durable for p in batch))
            except Exception as raised:  # noqa: BLE001 - handed to everybody who waits
                error = raised
            for pending in batch:
                if pending.done.done():  # its caller was cancelled; the write stands
                    continue
                if error is None:
                    pending.done.set_result(None)
                else:
                    pending.done.set_exception(error)

    def _run(self, writes: Sequence[Write], durable: bool) -> None:
        self._file.run(writes, durable=durable)


@asynccontextmanager
async def open_sqlite_log(
    path: Path, clock: Clock, *, durable: bool = True, retention_days: int | None = None
) -> AsyncIterator[SqliteLog]:
    """Open the log at `path`, made where there is none.

    Raises DamagedError, naming the path and the way out, when the file is damaged; UserError when it cannot be opened.
    `durable=False` leaves syncs to the system: a power cut may then cost the last seconds, a kill nothing.
    `retention_days`: how long records with texts of posts stand; by default as the table of topics says.
    """
    loop = asyncio.get_running_loop()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.name)
    try:
        file = await loop.run_in_executor(thread, lambda: LogFile(path, durable=durable, retention_days=retention_days))
        try:
            log = SqliteLog(file, thread, clock)
            yield log
            await log.drain()
        finally:
            await loop.run_in_executor(thread, file.close)
    finally:
        thread.shutdown(wait=True)
