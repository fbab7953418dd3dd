"""A fake Jetstream host on loopback, in both wire forms, with a memory to resume from, and handles to look up; faults on command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from app.clock import Clock
from tests.simulator.web import LoopbackServer

TIMESTAMP = 10**15  # cursors from here on are microseconds
EPOCH_S = 1_000_000


@dataclass
class FakeJetstream(LoopbackServer):
    """`silent`: sockets stay open without a frame, pings included. `skew` is how far its clock runs before the others'."""

    clock: Clock
    first_form: bool = True
    look_back: timedelta = timedelta(hours=36)
    skew: timedelta = timedelta(0)
    events: list[dict[str, Any]] = field(default_factory=list)
    handles: dict[str, str] = field(default_factory=dict)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    refuse: int | None = None

    def __post_init__(self) -> None:
        super().__init__()
        self._sockets: list[tuple[web.WebSocketResponse, asyncio.Queue[bytes | None]]] = []

    @property
    def host(self) -> str:
        return f"ws://{self.origin}/" + (
            "subscribe" if self.first_form else "xrpc/network.bsky.jetstream.subscribeEvents"
        )

    def publish(self, did: str, text: str, rkey: str, operation: str = "create", **record: Any) -> str:
        """Make an event; return the uri of the post."""
        at = self.clock.now() + self.skew
        body = {"$type": "app.bsky.feed.post", "createdAt": at.isoformat(), "langs": ["en"], "text": text} | record
        event = {
            "at": at,
            "did": did,
            "operation": operation,
            "collection": "app.bsky.feed.post",
            "rkey": rkey,
            **({} if operation == "delete" else {"record": body, "cid": f"bafy{len(self.events)}"}),
        }
        self.events.append(event)
        for _, queue in self._sockets:
            queue.put_nowait(self._frame(len(self.events) - 1))
        return f"at://{did}/app.bsky.feed.post/{rkey}"

    def account(self, did: str, *, active: bool, status: str | None = None) -> None:
        self.events.append(
            {"at": self.clock.now() + self.skew, "did": did, "account": {"active": active, "status": status}}
        )
        for _, queue in self._sockets:
            queue.put_nowait(self._frame(len(self.events) - 1))

    def send(self, raw: bytes) -> None:
        for _, queue in self._sockets:
            queue.put_nowait(raw)

    @property
    def connected(self) -> int:
        return len(self._sockets)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("resolveHandle"):
            did = self.handles.get(request.query["handle"])
            return web.json_response({"did": did} if did else {"error": "InvalidRequest"}, status=200 if did else 400)
        self.connects.append(self.clock.monotonic())
        if self.refuse:
            return web.Response(status=self.refuse)
        query = {name: request.query.getall(name) for name in request.query}
        self.queries.append(query)
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        start = len(self.events) if cursor is None else self._start(cursor)
        if start is None:
            return web.json_response({"error": "CursorTooOld"}, status=400)
        return await self._serve(request, start, set(query.get("wantedDids", query.get("dids", []))))

    def _start(self, cursor: int) -> int | None:
        floor_time = self.clock.now() + self.skew - self.look_back
        floor = next((n for n, event in enumerate(self.events) if event["at"] >= floor_time), len(self.events))
        if cursor < TIMESTAMP and not self.first_form:
            return None if cursor < floor else cursor
        wanted = next(
            (n for n, event in enumerate(self.events) if self._micros(event["at"]) >= cursor), len(self.events)
        )
        return max(wanted, floor)

    async def _serve(self, request: web.Request, start: int, dids: set[str]) -> web.StreamResponse:
        await self.streaming()
        socket = web.WebSocketResponse(autoping=False, protocols=("xrpc.v1.json",))
        await socket.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for number in range(start, len(self.events)):
            if not dids or self.events[number]["did"] in dids:
                queue.put_nowait(self._frame(number))
        entry = (socket, queue)
        self._sockets.append(entry)
        sending = asyncio.create_task(self._send_all(socket, queue))
        try:
            while True:
                message = await socket.receive()
                if message.type is not WSMsgType.PING:
                    return socket
                if not self.silent:
                    await socket.pong(message.data)
        finally:
            self._sockets.remove(entry)
            sending.cancel()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()  # the other side was gone

    async def _send_all(self, socket: web.WebSocketResponse, queue: asyncio.Queue[bytes | None]) -> None:
        while (frame := await queue.get()) is not None:
            await self.spoken()
            await socket.send_str(frame.decode())

    def _frame(self, number: int) -> bytes:
        event = dict(self.events[number])
        at: datetime = event.pop("at")
        if self.first_form:
            kind = "account" if "account" in event else "commit"
            did = event.pop("did")
            body = event if kind == "commit" else event["account"]
            return json.dumps({"did": did, "time_us": self._micros(at), "kind": kind, kind: body}).encode()
        kind = "account" if "account" in event else "commit"
        named = {
            "$type": f"network.bsky.jetstream.subscribeEvents#{kind}",
            "seq": number,
            "time": at.isoformat(),
            **event,
        }
        return json.dumps({"$type": "message", "payload": named}).encode()

    @staticmethod
    def _micros(at: datetime) -> int:
        return round(at.timestamp() * EPOCH_S)


@asynccontextmanager
async def fake_jetstream(clock: Clock, *, first_form: bool = True) -> AsyncIterator[FakeJetstream]:
    server = FakeJetstream(clock, first_form)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
