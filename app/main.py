"""Builds the API: routers, handlers, the edge around them, and the one reader that feeds all streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Response

from app.api import alerts, health, incidents, posts
from app.api.deps import Serving
from app.api.edge import Edge
from app.api.openapi import describe
from app.api.page import add_page
from app.api.problems import add_handlers
from app.api.tail import Tail

MAX_BODY = 1024 * 1024  # bytes

ROUTERS = (alerts.router, incidents.router, posts.router, health.router)


def create_app(resources: Serving) -> FastAPI:
    """Return the application on these resources, which the caller opened and will close."""
    tail = Tail(resources.database, resources.clock, resources.metrics.http)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        reading = asyncio.create_task(tail.run())
        yield
        reading.cancel()
        await asyncio.wait({reading})

    app = FastAPI(
        title="watchdesk",
        version=version("watchdesk"),
        description="The open wire of a conflict desk: incidents and alerts that an editor can check.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY,
        redirect_slashes=False,
        default_response_class=Response,
    )
    app.state.resources = resources
    app.state.tail = tail
    add_page(app, demo=resources.settings.demo)
    for router in ROUTERS:
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Edge, metrics=resources.metrics.http, demo=resources.settings.demo)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    resources.metrics.http.know(["other", *(path for path in describe(app)["paths"])])
    return app
