"""A TCP proxy that fails on command: before Kafka, PostgreSQL or anything that speaks HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

Mode = Literal["pass", "refuse", "reset", "black_hole", "slow", "cut"]
CHUNK = 64 * 1024


class FaultProxy:
    """Passes bytes between `port` and `upstream_port`, both on loopback, as the mode says.

    pass; refuse: nothing listens, open connections are reset; reset: each connection is reset as soon as it speaks; black_hole: bytes
    vanish both ways and nothing is closed; slow: every chunk waits `delay` seconds; cut: a reply is reset after `cut_after` bytes.
    While `lose` is set, in any mode, a reply that holds these bytes is lost and its connection reset, and `lose` is empty again.
    `fired` counts what a fault has done, so that a test can see that it was there.
    """

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.port = port
        self.fired = 0
        self.delay = 0.5
        self.cut_after = 0
        self.lose = b""
        self._upstream_port = upstream_port
        self._mode: Mode = "pass"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def set(self, mode: Mode) -> None:
        """Go over to `mode`, for open connections too."""
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "refuse":
            await self._stop_listening()
        elif self._server is None:
            await self._listen()
        if mode in {"refuse", "reset"}:
            self._reset_all()

    async def close(self) -> None:
        await self._stop_listening()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self.fired += 1

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            self.fired += 1
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError):
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
            self._writers |= {writer, up_writer}
            try:
                await asyncio.gather(
                    self._pump(reader, up_writer, reply=False), self._pump(up_reader, writer, reply=True)
                )
            finally:
                self._writers -= {writer, up_writer}
                _reset(writer)
                _reset(up_writer)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, reply: bool) -> None:
        passed = 0
        while data := await source.read(CHUNK):
            if self._mode in {"reset", "cut"} and (reply or self._mode == "reset"):
                if self._mode == "cut" and passed + len(data) <= self.cut_after:
                    passed += len(data)
                else:
                    self.fired += 1
                    sink.write(data[: max(0, self.cut_after - passed)] if self._mode == "cut" else b"")
                    raise ConnectionResetError
            if reply and self.lose and self.lose in data:
                self.fired += 1
                self.lose = b""
                raise ConnectionResetError
            if self._mode == "slow":
                self.fired += 1
                await asyncio.sleep(self.delay)
            while self._mode == "black_hole":
                self.fired += 1
                await self._changed.wait()
            sink.write(data)
            await sink.drain()
        raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a crashed or restarted peer does."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def fault_proxy(upstream_port: int, port: int = 0) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(upstream_port, port)
    await proxy.set("pass")
    try:
        yield proxy
    finally:
        await proxy.close()
