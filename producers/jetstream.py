"""A connection to a Jetstream host: frames in batches, pings of our own, and the look-up of a handle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from app.clock import Clock
from app.errors import SettingsError
from producers.port import Lost

FIRST_FORM = "/subscribe"
SECOND_FORM = "/xrpc/network.bsky.jetstream.subscribeEvents"
FIRST_HOSTS = ("jetstream1.", "jetstream2.")  # the hosts that still speak the first form
SUBPROTOCOL = "xrpc.v1.json"
CONNECT_S = 15.0
MAX_FRAME = 4 * 1024 * 1024
BATCH = 500
QUEUE = 5_000  # frames that wait for the disk; beyond it the host feels it
PONG = b""  # stands for the answer to a ping among the frames

PATIENCE = aiohttp.ClientWSTimeout(ws_close=0.5)  # seconds for the host's own goodbye: it may be dead
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class CursorRefused(Lost):
    """The host does not take our cursor."""


class Frames:
    """What a connection brings."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)
        self._ended = False

    async def batch(self, seconds: float) -> list[bytes] | None:
        """Return what has come, at least one frame; None after `seconds` without any. Raises Lost where the connection has ended."""
        if self._ended:
            raise Lost("the host closed the connection")
        try:
            async with self._clock.timeout(seconds):
                first = await self._queue.get()
        except TimeoutError:
            return None
        frames = [first]
        while len(frames) < BATCH and not self._queue.empty():
            frames.append(self._queue.get_nowait())
        self._ended = None in frames
        kept = [frame for frame in frames if frame is not None]
        if not kept:
            raise Lost("the host closed the connection")
        return kept

    async def ping(self) -> None:
        try:
            await self._socket.ping()
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(f"{type(error).__name__}: {error}") from None

    async def pump(self) -> None:
        """Move frames from the socket until it ends."""
        try:
            while True:
                message = await self._socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._queue.put(message.data.encode("utf-8", "surrogatepass"))
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await self._queue.put(message.data)
                elif message.type is aiohttp.WSMsgType.PING:
                    await self._socket.pong(message.data)
                elif message.type is aiohttp.WSMsgType.PONG:
                    await self._queue.put(PONG)
                else:
                    break
        except (aiohttp.ClientError, OSError):
            pass
        await self._queue.put(None)


@asynccontextmanager
async def connected(url: str, clock: Clock) -> AsyncIterator[Frames]:
    """Connect; raise Lost or CursorRefused where the host does not want us."""
    protocols = (SUBPROTOCOL,) if SECOND_FORM in url else ()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        try:
            async with clock.timeout(CONNECT_S):
                socket = await session.ws_connect(
                    url, protocols=protocols, timeout=PATIENCE, max_msg_size=MAX_FRAME, autoping=False
                )
        except TimeoutError:
            raise Lost(f"no answer within {CONNECT_S:g} s") from None
        except aiohttp.WSServerHandshakeError as error:
            kind = CursorRefused if error.status == 400 and "cursor=" in url else Lost
            raise kind(f"{error.status} instead of a stream") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(f"{type(error).__name__}: {error}"[:200]) from None
        frames = Frames(socket, clock)
        pumping = asyncio.create_task(frames.pump())
        try:
            yield frames
        finally:
            pumping.cancel()
            await asyncio.wait([pumping])
            await socket.close()


async def resolve_handle(base: str, handle: str, clock: Clock) -> str | None:
    """Return the did of a handle; None where there is no such account."""
    url = f"{base.rstrip('/')}/xrpc/com.atproto.identity.resolveHandle"
    try:
        async with (
            clock.timeout(CONNECT_S),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
            session.get(url, params={"handle": handle}, allow_redirects=False) as response,
        ):
            if response.status == 400:
                return None
            if response.status != 200:
                raise Lost(f"{response.status} when the handle {handle} was looked up")
            did = (await response.json(content_type=None)).get("did")
    except TimeoutError:
        raise Lost(f"no answer within {CONNECT_S:g} s when the handle {handle} was looked up") from None
    except (aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
        raise Lost(f"the handle {handle} cannot be looked up: {type(error).__name__}") from None
    return did if isinstance(did, str) and did.startswith("did:") else None


def address_of(host: str) -> tuple[str, bool]:
    """Return the address of a host (a name, or a whole URL) without its query, and whether it speaks the first wire form.

    Raises SettingsError where it is not wss://, this machine apart.
    """
    if "://" not in host:
        first = host.startswith(FIRST_HOSTS)
        return f"wss://{host}{FIRST_FORM if first else SECOND_FORM}", first
    try:
        url = URL(host)
    except ValueError as error:
        raise SettingsError(f"[bluesky] hosts: {error}") from None
    if url.scheme != "wss" and not (url.scheme == "ws" and url.host in _LOOPBACK):
        raise SettingsError(f"[bluesky] hosts: {host} must begin with wss://")
    path = url.path if url.path != "/" else SECOND_FORM
    return str(url.with_path(path).with_query(None)), path.endswith(FIRST_FORM)
