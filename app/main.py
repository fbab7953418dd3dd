"""Builds the API: routers, handlers, the edge around them, and the one reader that feeds all streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Response
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from app.api import alerts, destinations, feeds, health, incidents, posts, slack, sources, watches
from app.api.auth import Gate
from app.api.deps import Serving
from app.api.edge import Edge
from app.api.log_watch import LogWatch
from app.api.openapi import describe
from app.api.page import add_page
from app.api.problems import add_handlers
from app.api.tail import Tail
from app.clock import Clock

ROUTERS = (
    alerts.router,
    incidents.router,
    posts.router,
    sources.router,
    watches.router,
    destinations.router,
    feeds.router,
    health.router,
    slack.router,
)

CORS: Any = {
    "allow_methods": ["GET", "POST", "PUT", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"],
    "expose_headers": ["ETag", "Link", "Retry-After", "X-Watchdesk-Mode"],
    "max_age": 600,
}
NOTE_USE_S = 30.0  # how often the last use of keys is written


def create_app(resources: Serving) -> FastAPI:
    """Return the application on these resources, which the caller opened and will close."""
    gate = Gate(resources)
    tail = Tail(resources.database, resources.clock, resources.metrics.http)
    log_watch = LogWatch(resources.stream, resources.clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        beside = [asyncio.create_task(work) for work in (tail.run(), _note_use(gate, resources.clock), log_watch.run())]
        yield
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)
        await gate.note_use()

    app = FastAPI(
        title="watchdesk",
        version=version("watchdesk"),
        description="The open wire of a conflict desk: incidents and alerts that an editor can check.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Response,
    )
    app.state.resources = resources
    app.state.tail = tail
    app.state.log_watch = log_watch
    app.state.gate = gate
    app.state.methods = [
        (route.path_regex, route.methods)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    add_page(app, demo=resources.settings.demo)
    for router in ROUTERS:
        app.include_router(router)
    add_handlers(app)
    if resources.settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=resources.settings.cors_origins, **CORS)
    app.add_middleware(Edge, metrics=resources.metrics.http, demo=resources.settings.demo)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    resources.metrics.http.know(["other", *(path for path in describe(app)["paths"])])
    return app


async def _note_use(gate: Gate, clock: Clock) -> None:
    while True:
        await clock.sleep(NOTE_USE_S)
        await gate.note_use()
