"""A webhook receiver on a real socket that misbehaves on command, and remembers who came."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
from standardwebhooks import Webhook

from app.clock import Clock, SystemClock


class Fault(Enum):
    """What the receiver does instead of answering. `CUT`: it takes the message and the reply is lost."""

    HANG = "hang"
    DRIP = "drip"
    CUT = "cut"
    FLOOD = "flood"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)


Behaviour = Answer | Fault


@dataclass(frozen=True)
class Request:
    """A request as it came, with the moment on the receiver's clock, and what was done with it."""

    at: datetime
    path: str
    headers: dict[str, str]
    body: bytes
    behaviour: Behaviour

    @property
    def taken(self) -> bool:
        """Whether the receiver has processed it."""
        if isinstance(self.behaviour, Answer):
            return 200 <= self.behaviour.status < 300
        return self.behaviour in {Fault.CUT, Fault.FLOOD}

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def signed_by(self, secret: str) -> bool:
        """Verify as a receiver does, at the message's own time: the clock of a test may run fast."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        return Webhook(secret).sign(self.id, at, self.body.decode()) in self.headers["webhook-signature"].split(" ")


Decide = Callable[[str, dict[str, str], bytes], Behaviour]


class Receiver:
    """`decide` says what happens to each request; it may be replaced at any moment."""

    def __init__(self, decide: Decide, clock: Clock) -> None:
        self.decide = decide
        self.port = 0
        self.requests: list[Request] = []
        self._clock = clock
        self._changed = asyncio.Event()

    def always(self, behaviour: Behaviour) -> None:
        self.decide = lambda _path, _headers, _body: behaviour

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def taken(self) -> list[Request]:
        return [request for request in self.requests if request.taken]

    async def until(self, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Return once `holds` after a request; fail after real `seconds`."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self._changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            path, headers, body = await read_request(reader)
            behaviour = self.decide(path, headers, body)
            self.requests.append(Request(self._clock.now(), path, headers, body, behaviour))
            self._changed.set()
            await _behave(behaviour, reader, writer)
        writer.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return head[0].split(" ")[1], headers, body


async def _behave(behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    match behaviour:
        case Answer(status, body, headers):
            lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
        case Fault.HANG:
            await reader.read()
        case Fault.DRIP:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"x")
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await reader.read()
        case Fault.FLOOD:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
            for _ in range(1024):
                writer.write(b"x" * 1024 * 1024)
                await writer.drain()
        case Fault.CUT | Fault.REFUSE:
            writer.transport.abort()


@asynccontextmanager
async def receiving(
    behaviour: Behaviour | Decide | None = None, *, clock: Clock | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver that takes everything unless told otherwise."""
    decide: Decide = behaviour if callable(behaviour) else lambda _path, _headers, _body: behaviour or Answer()
    receiver = Receiver(decide, clock or SystemClock())
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()
