"""The outermost layer: security headers on every answer, DEMO marks, request metrics, and who may call without a key."""

from __future__ import annotations

from collections.abc import MutableMapping
from time import perf_counter
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import MAX_BODY, TOO_LARGE, answer
from app.telemetry.logging import get_logger
from app.telemetry.metrics import HttpMetrics

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
MODE = "x-watchdesk-mode"


class Edge:
    """Wraps the application. Streams are counted when they end, and left out of the durations."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, *, demo: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._headers = SECURITY | ({MODE: "DEMO"} if demo else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen: MutableMapping[str, Any] = {"status": 500, "type": None}

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                seen["status"], seen["type"] = message["status"], headers.get("content-type", "")
            await send(message)

        begun = perf_counter()
        try:
            await (refusal(scope) or self._app)(scope, bounded(receive), send_marked)
        except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, the caller gets a problem
            get_logger("app.api").error("request failed", path=scope["path"], method=scope["method"], exc_info=error)
            if seen["type"] is None:
                await answer(500, "This is our fault; it was logged.", "internal")(scope, receive, send_marked)
        finally:
            self._count(scope, int(seen["status"]), str(seen["type"]), perf_counter() - begun)

    def _count(self, scope: Scope, status: int, content_type: str, seconds: float) -> None:
        route = route_of(scope)
        self._metrics.requests.labels(route, f"{status // 100}xx").inc()
        if not content_type.startswith("text/event-stream"):
            self._metrics.duration.labels(route).observe(seconds)


def refusal(scope: Scope) -> Response | None:
    """Return the answer to a body that we do not even begin to read; None where it may come."""
    headers = Headers(scope=scope)
    if headers.get("content-encoding", "identity").lower() != "identity":
        # We unpack nothing, so a small request cannot become a large one.
        return answer(415, "Send the body without a content encoding.", "unsupported_media_type")
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY:
        return answer(413, TOO_LARGE, "too_large", headers={"connection": "close"})
    return None


def bounded(receive: Receive) -> Receive:
    """Return `receive` with an end: a body of unknown length is read up to the limit and not beyond."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MAX_BODY:
            raise HTTPException(413)
        return message

    return counted


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered; "other" where none did, so that no path of a caller becomes a label."""
    return str(getattr(scope.get("route"), "path", "other"))


def host_of(scope: Scope) -> str:
    """Return the host that the caller named, without its port."""
    named = Headers(scope=scope).get("host", "")
    if named.startswith("["):
        return named[1:].partition("]")[0]
    return named.rpartition(":")[0] if ":" in named else named
