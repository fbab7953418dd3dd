"""A fake of a news wire's feed on loopback: entries newest first, validators, and faults on command."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from html import escape

from aiohttp import web

from app.clock import Clock
from tests.simulator.web import LoopbackServer


@dataclass
class FakeEntry:
    guid: str
    title: str
    body: str
    at: datetime


@dataclass
class FakeFeed(LoopbackServer):
    """`window` entries are shown; `answer` replaces the feed by this status; `body` by these bytes."""

    clock: Clock
    window: int = 15
    entries: list[FakeEntry] = field(default_factory=list)
    looks: list[tuple[float, int]] = field(default_factory=list)
    answer: int | None = None
    retry_after: str = ""
    body: bytes | None = None
    validators: bool = True

    def __post_init__(self) -> None:
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://{self.origin}/wire.xml"

    def publish(self, title: str, body: str = "", guid: str | None = None) -> str:
        key = guid or f"tag:wire.example,2026:{len(self.entries)}"
        self.entries.append(FakeEntry(key, title, body, self.clock.now()))
        return key

    def rss(self) -> bytes:
        items = "".join(
            f"<item><guid isPermaLink='false'>{escape(one.guid)}</guid><title>{escape(one.title)}</title>"
            f"<description>{escape(one.body)}</description><link>https://wire.example/{number}</link>"
            f"<pubDate>{format_datetime(one.at)}</pubDate></item>"
            for number, one in reversed(list(enumerate(self.entries))[-self.window :])
        )
        channel = f"<channel><title>The Wire</title><language>en</language>{items}</channel>"
        return f'<?xml version="1.0"?><rss version="2.0">{channel}</rss>'.encode()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = self.rss() if self.body is None else self.body
        tag = f'"{hashlib.sha256(body).hexdigest()[:12]}"'
        status = self.answer or (304 if request.headers.get("If-None-Match") == tag else 200)
        self.looks.append((self.clock.monotonic(), status))
        headers = {"ETag": tag} if self.validators else {}
        if self.retry_after:
            headers["Retry-After"] = self.retry_after
        if status != 200:
            return web.Response(status=status, headers=headers)
        return web.Response(body=body, headers=headers | {"Content-Type": "application/rss+xml; charset=utf-8"})


@asynccontextmanager
async def fake_feed(clock: Clock) -> AsyncIterator[FakeFeed]:
    server = FakeFeed(clock)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
