"""An answer that never ends, for a client that may stop reading: a write that stands for 30 s ends the connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from app.clock import Clock
from app.telemetry.metrics import HttpMetrics

WRITE_S = 30.0  # how long a client may leave its buffers full
ABORT = "watchdesk.abort"  # the ASGI extension of our own server: cut the connection without waiting for the client


class AlertStream(EventSourceResponse):
    """The open stream of one client."""

    def __init__(self, events: AsyncGenerator[bytes], clock: Clock, metrics: HttpMetrics) -> None:
        super().__init__(events, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._events = events
        self._clock = clock
        self._metrics = metrics
        self._scope: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._metrics.sse_clients.inc()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._metrics.sse_clients.dec()

    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:
            async for chunk in events:
                try:
                    async with self._clock.timeout(WRITE_S):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    self._drop()
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _drop(self) -> None:
        self._metrics.sse_dropped.labels("frozen").inc()
        abort = self._scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort["now"]()
