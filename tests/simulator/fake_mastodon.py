"""A fake Mastodon server on loopback: streams as server-sent events, timelines, accounts; faults on command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from app.clock import Clock
from tests.simulator.web import LoopbackServer

HEARTBEAT_S = 15.0
FIRST_ID = 116_000_000_000_000_000


@dataclass
class FakeMastodon(LoopbackServer):
    """`refuse` answers every request with that status; `silent` keeps streams open without a byte."""

    clock: Clock
    token: str = "canary-bearer-token"
    statuses: list[dict[str, Any]] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refuse: int | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self._listeners: list[asyncio.Queue[bytes | None]] = []
        self._next = 0

    @property
    def base_url(self) -> str:
        return f"http://{self.origin}"

    @property
    def connected(self) -> int:
        return len(self._listeners)

    def publish(self, account: str, html: str, **more: Any) -> str:
        """Write a status; return its id on this server."""
        self._next += 1
        local_id = str(FIRST_ID + self._next)
        status = {
            "id": local_id,
            "created_at": self.clock.now().isoformat(),
            "content": html,
            "visibility": "public",
            "language": "en",
            "url": f"https://social.example/@{account}/{local_id}",
            "account": {"id": f"a-{account}", "acct": account, "display_name": account.title()},
            "edited_at": None,
            "in_reply_to_id": None,
            "reblog": None,
            "media_attachments": [],
        } | more
        self.statuses.append(status)
        self._tell("update", json.dumps(status))
        return local_id

    def edit(self, local_id: str, html: str) -> None:
        status = next(one for one in self.statuses if one["id"] == local_id)
        status |= {"content": html, "edited_at": self.clock.now().isoformat()}
        self._tell("status.update", json.dumps(status))

    def delete(self, local_id: str) -> None:
        self.statuses = [one for one in self.statuses if one["id"] != local_id]
        self._tell("delete", local_id)

    def send(self, raw: bytes) -> None:
        for queue in self._listeners:
            queue.put_nowait(raw)

    def _tell(self, name: str, data: str) -> None:
        self.send(f"event: {name}\ndata: {data}\n\n".encode())

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append(request.path_qs)
        if path.startswith("/api/v1/streaming/"):
            self.connects.append(self.clock.monotonic())
        if self.refuse is not None:
            return web.Response(status=self.refuse, text="<html>no</html>")
        if path == "/api/v1/accounts/lookup":
            return web.json_response({"id": f"a-{request.query['acct']}"})
        if path.startswith("/api/v1/accounts/"):
            return self._page(request, [one for one in self.statuses if one["account"]["id"] == path.split("/")[4]])
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": "The access token is invalid"}, status=401)
        if path.startswith("/api/v1/timelines/"):
            return self._page(request, self.statuses)
        return await self._stream(request)

    def _page(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        limit = min(40, int(request.query.get("limit", "20")))
        after = [one for one in found if int(one["id"]) > int(request.query.get("min_id", "0"))]
        part = after[:limit] if "min_id" in request.query else after[-limit:]
        return web.json_response(part[::-1])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        await self.streaming()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            await response.write(b":)\n")
            while True:
                try:
                    async with self.clock.timeout(HEARTBEAT_S):
                        line = await queue.get()
                except TimeoutError:
                    line = b":thump\n"
                await self.spoken()
                if line is None:
                    return response
                await response.write(line)
        finally:
            self._listeners.remove(queue)


@asynccontextmanager
async def fake_mastodon(clock: Clock) -> AsyncIterator[FakeMastodon]:
    server = FakeMastodon(clock)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
