"""Our own HTTP server around the application: a socket that we bind, streams that end when we stop, connections that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.problems import answer
from app.api.streaming import ABORT, WRITE_S
from app.api.tail import Tail
from app.errors import SettingsError

DRAIN_S = (
    5  # how long open answers may take to end: a role must be gone 10 s after SIGTERM, with log and database closed
)
BACKLOG = 2_048
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32 * 1024  # of one request
HEADERS_S = 20.0  # from the first byte to the last header: a client that drips them holds a connection no longer
SEND_BUFFER = 128 * 1024  # bytes that the kernel holds for a client that does not read


class Protocol(HttpToolsProtocol):
    """Bounds what a client may send before it has asked for anything, in bytes and in time.

    Lets an answer cut its own connection: closing waits until the client has read everything, which a frozen one never does.
    """

    _waiting: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_headers()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._wait_for_headers()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) >= MAX_HEADERS:
            raise ValueError("too many headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot even be parsed like every other error."""
        problem = answer(400, msg, "bad_request", headers={"connection": "close", "x-content-type-options": "nosniff"})
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in problem.raw_headers)]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(problem.body)]))
        self.transport.close()


class Server(uvicorn.Server):
    """A server whose signals belong to the process that runs it, and whose streams end before it waits for open answers."""

    def __init__(self, config: uvicorn.Config, tail: Tail) -> None:
        super().__init__(config)
        self._tail = tail
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._tail.close()
        await super().shutdown(sockets)


class Running(NamedTuple):
    """A server that listens: its address, and the task that ends when it does."""

    url: str
    ended: asyncio.Task[None]


@asynccontextmanager
async def serving(app: FastAPI, host: str, port: int) -> AsyncIterator[Running]:
    """Serve `app` (made by `create_app`) on `host` and `port` (0 takes a free one) until the block ends; then let open answers end.

    Raises SettingsError where the address cannot be had.
    """
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # what a caller says of itself in X-Forwarded-For decides nothing here
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = Server(config, app.state.tail)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    started = asyncio.create_task(server.listening.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if task.done():
        listener.close()
        await task
    try:
        yield Running(url_of(listener), task)
    finally:
        server.should_exit = True
        await task


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket, its connections given up once a client has read nothing for twice the write deadline."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(2_000 * WRITE_S))
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(f"WATCHDESK_HOST/WATCHDESK_PORT: cannot listen on {host}:{port}: {reason}") from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address to open in a browser."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
