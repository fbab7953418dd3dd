"""Mastodon and what speaks its API: accounts by looking at their last posts (no key), and streams of a server (a user's token).

Resume: the last id. A stream that was cut is filled from the timeline behind it; an account's last forty posts are compared with those
that we know, which also shows edits and deletions. Posts for followers or one person are passed over. Cost: none.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from app.clock import Clock
from app.domain.config import SourceConfig
from app.domain.posts import quarantine
from app.domain.times import read_time
from app.errors import Reason, SettingsError
from app.outbound.client import Ask, OutboundClient, OutboundFailed
from app.outbound.targets import OutboundRefused
from producers.intake import Intake, Received
from producers.lines import ByteLines
from producers.mastodon_payloads import (
    Event,
    EventReader,
    author_of,
    deletion_of,
    digest_of,
    fields_of,
    open_to_all,
    read_status,
)
from producers.port import REFUSED_S, Lost, Refused, Setup

EVERY_S = 90.0  # between two looks at an account; a server allows 300 requests in five minutes
PAGE = 40  # the most that a server gives
MOST_PAGES = 25  # of a gap: 1,000 posts
SILENCE_S = 45.0  # a server sends a heartbeat every 15 s
CONNECT_S = 15.0
LATENCY = timedelta(seconds=10)
MAX_BODY = 4 * 1024 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 300.0
STREAMS = {
    "user": ("user", "home", ""),
    "public": ("public", "public", ""),
    "public/local": ("public/local", "public", "local=true"),
    "hashtag": ("hashtag", "tag", ""),
}


class Known(msgspec.Struct):
    """What we know of an account: its id on the server, and its last posts (local id to digest)."""

    account: str = ""
    posts: dict[str, str] = {}


class Server(NamedTuple):
    """Where a source is read: the name that stands in ids, the address, and the token."""

    host: str
    base: str
    token: str | None


Follow = Callable[[SourceConfig, Server, Intake], Awaitable[None]]


class MastodonProducer:
    """See `producers.port.Producer`. Each source has a connection and a back-off of its own."""

    name = "mastodon"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._client = OutboundClient(setup.policy, clock=setup.clock)

    @property
    def source_ids(self) -> frozenset[str]:
        return frozenset(source.id for source in self._setup.sources)

    async def read(self, intake: Intake) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self._setup.sources:
                follow = self._stream if source.options.get("stream") else self._look
                group.create_task(self._keep(source, follow, intake))

    async def _keep(self, source: SourceConfig, follow: Follow, intake: Intake) -> None:
        pause = FIRST_PAUSE_S
        again = False
        while True:
            began = intake.clock.monotonic()
            try:
                await follow(source, server_of(source, self._setup), intake)
            except (Refused, SettingsError) as refused:
                state, detail, asked = "refused", refused.detail, REFUSED_S
            except Lost as lost:
                state, detail, asked = "connecting", lost.detail, lost.retry_after or 0.0
            intake.coverage.end([source.id])
            await intake.report([source.id], state, detail, reconnected=again)
            again = True
            if intake.clock.monotonic() - began > 60:
                pause = FIRST_PAUSE_S
            await intake.clock.sleep(max(asked, pause * random.uniform(0.5, 1.0)))
            pause = min(LONGEST_PAUSE_S, pause * 2)

    # -- accounts --------------------------------------------------------------------------------------------------

    async def _look(self, source: SourceConfig, server: Server, intake: Intake) -> None:
        """Look at an account's last posts, again and again."""
        known = msgspec.json.decode(await intake.token(source.id) or b"{}", type=Known)
        every = max(EVERY_S, 2.0 * len(self._setup.sources))
        while True:
            began = intake.clock.now()
            if not known.account:
                name = source.handle.partition("@")[0]
                found = await self._get(server, f"/api/v1/accounts/lookup?{urlencode({'acct': name})}")
                known.account = str(found.get("id", "")) if isinstance(found, dict) else ""
                if not known.account:
                    raise Refused("no account has this name")
            path = f"/api/v1/accounts/{quote(known.account)}/statuses?{urlencode({'limit': PAGE})}"
            page = _statuses(await self._get(server, path))
            first = not known.posts
            met = first or not page or any(str(one["id"]) in known.posts for one in page)
            last = intake.coverage.until(source.id)
            oldest = min((at for one in page if (at := read_time(one.get("created_at"))) is not None), default=began)
            begins = began if last is None else last if met else max(last, min(oldest, began))
            await intake.begin([source.id], begins, "more posts than the server shows at once")
            received = self._changes(source, server, page, known, began.isoformat())
            await intake.take(received, {source.id: msgspec.json.encode(known)})
            intake.coverage.complete([source.id], began)
            await intake.report([source.id], "live")
            await intake.clock.sleep(every * random.uniform(0.9, 1.1))

    def _changes(
        self, source: SourceConfig, server: Server, page: Sequence[dict[str, Any]], known: Known, now: str
    ) -> list[Received]:
        """Return what is new, edited or gone since the last look, oldest first; `known` is brought up to date."""
        received: list[Received] = []
        shown = {str(one["id"]): one for one in page if open_to_all(one)}
        if page:
            floor = min(int(one["id"]) for one in page if str(one["id"]).isdecimal())
            full = len(page) >= PAGE
            for local_id in list(known.posts):
                inside = not full or (local_id.isdecimal() and int(local_id) >= floor)
                if inside and local_id not in shown:
                    del known.posts[local_id]
                    gone = deletion_of(local_id, server.host, source.handle, now)
                    received.append(Received(source.id, gone, msgspec.json.encode(gone)))
        for local_id, status in reversed(shown.items()):
            digest = digest_of(status)
            if known.posts.get(local_id) != digest:
                fields = {**fields_of(status, server.host), "author": source.handle}
                received.append(Received(source.id, fields, msgspec.json.encode(status)))
            known.posts[local_id] = digest
        known.posts = dict(list(known.posts.items())[-4 * PAGE :])
        return received

    # -- streams ---------------------------------------------------------------------------------------------------

    async def _stream(self, source: SourceConfig, server: Server, intake: Intake) -> None:
        """Listen to a stream until it ends; what was missed comes from its timeline first."""
        stream, _, _ = STREAMS[str(source.options["stream"])]
        tag = {"tag": str(source.options.get("tag", ""))} if stream == "hashtag" else {}
        url = f"{server.base}/api/v1/streaming/{stream}" + (f"?{urlencode(tag)}" if tag else "")
        async with self._listening(url, server, intake.clock) as response:
            await intake.report([source.id], "live")
            gaps = await intake.begin([source.id], intake.clock.now(), "the stream was not connected")
            if await self._fill(source, server, intake):
                await intake.fill(gaps)
            lines, events = ByteLines(), EventReader()
            while chunk := await _chunk(response, intake.clock):
                found = [event for line in lines.feed(chunk) if (event := events.feed(line)) is not None]
                await self._take(found, source, server, intake)
                intake.coverage.complete([source.id], intake.clock.now() - LATENCY)
        raise Lost("the server closed the stream")

    async def _take(self, events: Sequence[Event], source: SourceConfig, server: Server, intake: Intake) -> None:
        received: list[Received] = []
        newest: str | None = None
        for event in events:
            if event.name == "delete":
                local_id = event.data.decode("utf-8", "replace").strip()
                fields = deletion_of(local_id, server.host, None, intake.clock.now().isoformat())
                received.append(Received(source.id, fields, event.data))
            elif event.name in {"update", "status.update"}:
                status = read_status(event.data)
                if status is None:
                    received.append(
                        Received(source.id, quarantine(event.data, Reason.BAD_JSON, "no status"), event.data)
                    )
                elif open_to_all(status):
                    received.append(_received(status, event.data, server))
                    newest = str(status["id"]) if event.name == "update" else newest
        if received:
            await intake.take(received, {source.id: newest.encode()} if newest else None)

    async def _fill(self, source: SourceConfig, server: Server, intake: Intake) -> bool:
        """Take in what the timeline shows after the last id that we had; say whether that was all."""
        last = (await intake.token(source.id) or b"").decode()
        if not last:
            return False
        _, timeline, fixed = STREAMS[str(source.options["stream"])]
        tag = f"/{quote(str(source.options.get('tag', '')))}" if timeline == "tag" else ""
        for _ in range(MOST_PAGES):
            query = "&".join(part for part in (fixed, urlencode({"limit": PAGE, "min_id": last})) if part)
            page = _statuses(await self._get(server, f"/api/v1/timelines/{timeline}{tag}?{query}"))
            if not page:
                return True
            seen = [one for one in reversed(page) if open_to_all(one)]  # newest first, though it begins at the oldest
            last = str(page[0]["id"])
            received = [_received(one, msgspec.json.encode(one), server)._replace(gapfill=True) for one in seen]
            await intake.take(received, {source.id: last.encode()})
        return False

    # -- the server ------------------------------------------------------------------------------------------------

    async def _get(self, server: Server, path: str) -> Any:
        headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {server.token}"} if server.token else {})
        try:
            reply = await self._client.request("GET", server.base + path, Ask(headers=headers, max_reply=MAX_BODY))
        except OutboundRefused as refused:
            raise Refused(refused.detail) from None
        except OutboundFailed as failed:
            raise Lost(failed.detail) from None
        if reply.status != 200:
            raise _named(reply.status, reply.headers.get("Retry-After", ""))
        try:
            return msgspec.json.decode(reply.body)
        except (ValueError, RecursionError):
            raise Lost("the server's answer is no JSON") from None

    @asynccontextmanager
    async def _listening(self, url: str, server: Server, clock: Clock) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept": "text/event-stream"} | (
            {"Authorization": f"Bearer {server.token}"} if server.token else {}
        )
        try:
            async with self._client.session(url, idle_s=3600.0) as session:
                async with clock.timeout(CONNECT_S):
                    response = await session.get(url, headers=headers, allow_redirects=False)
                try:
                    if response.status != 200:
                        raise _named(response.status, response.headers.get("Retry-After", ""))
                    yield response
                finally:
                    response.close()
        except OutboundRefused as refused:
            raise Refused(refused.detail) from None
        except OutboundFailed as failed:
            raise Lost(failed.detail) from None
        except TimeoutError:
            raise Lost(f"no answer within {CONNECT_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Lost(f"{type(error).__name__}: {error}"[:200]) from None


def make(setup: Setup) -> MastodonProducer:
    return MastodonProducer(setup)


def server_of(source: SourceConfig, setup: Setup) -> Server:
    """Return where a source is read; raise SettingsError where its options do not say."""
    named = source.options.get("host") or source.handle.partition("@")[2] or setup.section.get("host")
    if not named:
        raise SettingsError(f"{source.id} names no server: write name@server, or set host")
    if source.options.get("stream") and source.options["stream"] not in STREAMS:
        raise SettingsError(f"{source.id}: stream is one of {', '.join(STREAMS)}")
    base = str(named) if "://" in str(named) else f"https://{named}"
    variable = source.options.get("token_env") or setup.section.get("token_env")
    token = setup.secret(str(variable)) if variable else None
    url = URL(base)
    host = url.host or "" if url.is_default_port() else f"{url.host}:{url.port}"
    return Server(host, base.rstrip("/"), token)


def _received(status: dict[str, Any], raw: bytes, server: Server) -> Received:
    account = status.get("account")
    author = author_of(account, server.host) if isinstance(account, dict) else None
    return Received(f"mastodon:{author or 'unknown'}", fields_of(status, server.host), raw)


def _statuses(page: Any) -> list[dict[str, Any]]:
    return [one for one in page if isinstance(one, dict) and one.get("id")] if isinstance(page, list) else []


def _named(status: int, retry_after: str) -> Exception:
    match status:
        case 401:
            return Refused("401: token refused")
        case 403:
            return Refused("403: not allowed: this server wants a token")
        case 404:
            return Refused("404: no such account or stream")
        case _:
            asked = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else None
            return Lost(f"the server answers {status}", retry_after=asked)


async def _chunk(response: aiohttp.ClientResponse, clock: Clock) -> bytes:
    try:
        async with clock.timeout(SILENCE_S):
            return await response.content.readany()
    except TimeoutError:
        raise Lost(f"silent for {SILENCE_S:g} s") from None
