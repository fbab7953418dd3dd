"""The ops port of every role: `/metrics`, `/healthz` and `/readyz`, without a key, on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import SettingsError
from app.telemetry.health import Health
from app.telemetry.metrics import Metrics

JSON = "application/json"
Refresh = Callable[[float], Awaitable[None]]
PATIENCE_S = 2.0  # for what is read anew; less where the scraper says that it waits less
SHARE = 0.5  # of the scraper's time: a scrape that fails tells nothing of what is down


def create_ops_app(role: str, health: Health, metrics: Metrics, refresh: Refresh | None = None) -> Starlette:
    """Return the application. `refresh` brings gauges up to date that are read anew, before a scrape, within the seconds that it is given."""

    async def healthz(request: Request) -> Response:
        del request
        return _json({"role": role, "alive": True}, 200)

    async def readyz(request: Request) -> Response:
        del request
        parts: dict[str, Any] = {
            name: {"ok": part.ok, "detail": part.detail, "since": part.since} for name, part in health.parts.items()
        }
        return _json({"role": role, "ready": health.ready, "parts": parts}, 200 if health.ready else 503)

    async def scrape(request: Request) -> Response:
        if refresh is not None:
            await refresh(_patience(request))
        body, content_type = metrics.render(request.headers.get("accept", ""))
        return Response(body, media_type=content_type)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", scrape)])


def _patience(request: Request) -> float:
    """Return how many seconds a scrape may wait: Prometheus says when it will give up."""
    said = request.headers.get("x-prometheus-scrape-timeout-seconds", "")
    try:
        return min(PATIENCE_S, max(0.0, float(said)) * SHARE)
    except ValueError:
        return PATIENCE_S


def _json(body: dict[str, Any], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type=JSON, headers={"Cache-Control": "no-store"})


class _OpsServer(uvicorn.Server):
    """A server whose signals belong to the process that runs it; `listening` is set once it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def serving_ops(app: Starlette, host: str, port: int) -> AsyncIterator[str]:
    """Serve the ops port (0 takes a free one) until the block ends; yields its URL. Raises SettingsError where it cannot be had."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise SettingsError(
            f"WATCHDESK_OPS_HOST/WATCHDESK_OPS_PORT: cannot listen on {host}:{port}: {error}"
        ) from error
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = _OpsServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    started = asyncio.create_task(server.listening.wait())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    address = listener.getsockname()
    try:
        yield f"http://{address[0]}:{address[1]}"
    finally:
        server.should_exit = True
        await task
