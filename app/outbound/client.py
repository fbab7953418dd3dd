"""The one HTTP client for every URL that somebody configured: webhooks, Slack, feeds.

A name is resolved once, every address of the answer is checked, and the connection goes to a checked address while TLS and
the Host header keep the name; the socket itself is made only for such an address. No proxies from the environment, no
cookies, no redirects unless asked for (then each hop is checked anew), one deadline over everything, a bounded reply.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from app.clock import Clock, SystemClock
from app.errors import WatchdeskError
from app.outbound.addresses import IpAddress
from app.outbound.targets import OutboundPolicy, OutboundRefused, Target, check_resolved, check_url
from app.outbound.witness import ClockWitness

DEADLINE_S = 15.0  # resolving, connecting, TLS, sending and reading together
MAX_REPLY = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class OutboundFailed(WatchdeskError):  # noqa: N818 - the other side's trouble, retried by whoever asked
    """The other side could not be reached or did not answer properly.

    `kind` is "dns", "connect", "tls", "timeout", "cut" (it went away before its reply was whole) or "reply" (nonsense).
    """

    status = 502
    code = "outbound_failed"

    def __init__(self, kind: str, detail: str) -> None:
        self.kind = kind
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `body` is decoded from gzip; `truncated` where there was more than the cap, which was not read."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    truncated: bool
    url: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A request beyond its method and URL. `redirects` counts hops that may be followed, for GET alone."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    deadline_s: float = DEADLINE_S
    max_reply: int = MAX_REPLY
    redirects: int = 0


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host` in the order in which they should be tried."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class OutboundClient:
    """Holds no connection between requests: each is resolved, checked and connected anew. `witness` hears every reply's `Date`."""

    def __init__(
        self,
        policy: OutboundPolicy,
        *,
        clock: Clock | None = None,
        resolve: Resolve = resolve_name,
        tls: ssl.SSLContext | None = None,
        witness: ClockWitness | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock or SystemClock()
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._witness = witness

    async def check(self, url: str) -> Target:
        """Raise OutboundRefused or OutboundFailed unless `url` could be called now. Nothing is connected to."""
        target = check_url(url, self._policy)
        async with self._clock.timeout(DEADLINE_S):
            await self._addresses(target)
        return target

    async def request(self, method: str, url: str, ask: Ask | None = None) -> Reply:
        """Send one request, once, and return the reply whatever its status.

        Raises OutboundRefused (never retry as it stands) or OutboundFailed (the other side; a retry may work).
        """
        ask = ask or Ask()
        try:
            async with self._clock.timeout(ask.deadline_s):
                return await self._follow(method, url, ask)
        except TimeoutError:
            raise OutboundFailed("timeout", f"no whole reply within {ask.deadline_s:g} s") from None

    @asynccontextmanager
    async def session(self, url: str, *, idle_s: float = 60.0) -> AsyncIterator[aiohttp.ClientSession]:
        """Give a session that can reach the host of `url` alone, for streams and websockets that stay open.

        Its name is resolved and checked here, once. A read that waits longer than `idle_s` raises TimeoutError; there is no other deadline.
        """
        target = check_url(url, self._policy)
        try:
            async with self._clock.timeout(DEADLINE_S):
                addresses = await self._addresses(target)
        except TimeoutError:
            raise OutboundFailed("timeout", f"{target.host} was not resolved within {DEADLINE_S:g} s") from None
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=DEADLINE_S, sock_read=idle_s)
        async with self._session(target, addresses, timeout) as session:
            yield session

    async def _follow(self, method: str, url: str, ask: Ask) -> Reply:
        headers = {"Accept-Encoding": "gzip", "User-Agent": "watchdesk", **ask.headers}
        left = ask.redirects if method == "GET" else 0
        while True:
            target = check_url(url, self._policy)
            reply = await self._once(method, target, headers, ask)
            location = reply.headers.get("Location")
            if left <= 0 or reply.status not in _REDIRECTS or location is None:
                return reply
            left -= 1
            onward = check_url(_join(target, location), self._policy)
            if (onward.host, onward.port, onward.url.scheme) != (target.host, target.port, target.url.scheme):
                headers = {name: value for name, value in headers.items() if name.lower() not in _CREDENTIALS}
            url = str(onward.url)

    async def _once(self, method: str, target: Target, headers: Mapping[str, str], ask: Ask) -> Reply:
        addresses = await self._addresses(target)
        asked = self._clock.now()
        try:
            async with (
                self._session(target, addresses, aiohttp.ClientTimeout(total=None)) as session,
                session.request(method, target.url, headers=headers, data=ask.body, allow_redirects=False) as response,
            ):
                if self._witness is not None:
                    self._witness.hear(target.host, response.headers, asked, self._clock.now())
                body, truncated = await _read(response, ask.max_reply)
                return Reply(
                    response.status, CIMultiDictProxy(CIMultiDict(response.headers)), body, truncated, str(target.url)
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _failed(error) from error

    def _session(
        self, target: Target, addresses: tuple[IpAddress, ...], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(target.url.raw_host or "", addresses),
            use_dns_cache=False,
            socket_factory=_socket_factory(frozenset(addresses)),
            ssl=self._tls,
            force_close=True,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
            auto_decompress=False,
        )

    async def _addresses(self, target: Target) -> tuple[IpAddress, ...]:
        if target.address is not None:
            found: tuple[IpAddress, ...] = (target.address,)
        else:
            try:
                answers = await self._resolve(target.host, target.port)
            except (OSError, UnicodeError) as error:
                raise OutboundFailed("dns", f"{target.host} was not found: {error}") from error
            # A zone ("fe80::1%eth0") belongs to a link-local address, which the check refuses with or without it.
            found = tuple(ip_address(answer.partition("%")[0]) for answer in answers)
        if not found:
            raise OutboundFailed("dns", f"{target.host} has no address")
        check_resolved(target, found, self._policy)
        return found


class _Pinned(AbstractResolver):
    """Knows one name and its checked addresses."""

    def __init__(self, host: str, addresses: tuple[IpAddress, ...]) -> None:
        self._host = host
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if host.rstrip(".").lower() != self._host.rstrip(".").lower():
            raise OutboundRefused(f"{host} is not the host that was checked")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        return None


def _socket_factory(checked: frozenset[IpAddress]) -> Callable[[Any], socket.socket]:
    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        if ip_address(str(sockaddr[0])) not in checked:
            raise OutboundRefused(f"{sockaddr[0]} is not an address that was checked")
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def _join(target: Target, location: str) -> str:
    try:
        return str(target.url.join(URL(location)))
    except ValueError:
        raise OutboundRefused("redirected to what is no URL") from None


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    """Return at most `limit` bytes of the body, decoded from gzip within the same limit, and whether there was more."""
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > limit:
            break
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        return bytes(raw[:limit]), len(raw) > limit
    try:
        unpacked = zlib.decompressobj(wbits=47).decompress(bytes(raw), limit + 1)
    except zlib.error as error:
        raise OutboundFailed("reply", f"the reply is not {encoding}: {error}") from error
    return unpacked[:limit], len(unpacked) > limit or len(raw) > limit


def _failed(error: Exception) -> OutboundFailed:
    """Sort what the library raised into our kinds, with its own words: never the URL, whose path and query may be a secret."""
    words = str(error) or type(error).__name__
    match error:
        case aiohttp.ClientResponseError():
            return OutboundFailed("reply", error.message or type(error).__name__)
        case aiohttp.InvalidURL():
            return OutboundFailed("reply", "the URL is not taken")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return OutboundFailed("tls", words)
        case aiohttp.ClientConnectorError():
            return OutboundFailed("connect", words)
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientOSError() | OSError():
            return OutboundFailed("cut", words)
        case _:
            return OutboundFailed("reply", words)
