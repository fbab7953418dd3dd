"""/healthz, /readyz and /metrics: whether the process lives, whether it can serve, and its numbers. Only these last need a key."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from app.api.auth import READ
from app.api.deps import Resources, Serving
from app.api.openapi import answers
from app.api.schemas import Health
from app.db import ledger, meta
from app.errors import Unavailable, WatchdeskError

router = APIRouter(tags=["health"])


@router.get(
    "/healthz", summary="The process lives", responses={200: answers(Health, {"status": "alive", "detail": None})}
)
async def healthz() -> Response:
    """Always 200 while the event loop turns; it asks nothing of anything else."""
    return _health(200, Health("alive"))


@router.get(
    "/readyz",
    summary="The process can serve",
    responses={200: answers(Health, {"status": "ready", "detail": None}), 503: answers(Health)},
)
async def readyz(request: Request, resources: Resources) -> Response:
    """200 while the database answers. Silent sources and stale data do not make it unready: they are shown elsewhere."""
    try:
        await resources.database.ping()
    except WatchdeskError as error:
        return _health(503, Health("not ready", f"database: {error.detail[:200]}"))
    if not request.app.state.tail.alive:
        return _health(503, Health("not ready", "the reader of new alerts has stopped"))
    return _health(200, Health("ready"))


@router.get(
    "/metrics",
    dependencies=READ,
    summary="Numbers for Prometheus",
    responses={200: {"description": "the exposition", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, resources: Resources) -> Response:
    """Counters of this process, and what the database knows: the ledger, and when anything was last stored."""
    await refresh(resources)
    body, content_type = resources.metrics.render(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


async def refresh(resources: Serving) -> None:
    """Read into the gauges what only the database knows; while it is away they keep what they held."""
    numbers = resources.metrics
    try:
        async with resources.database.read() as session:
            balance = await ledger.balance(session)
            standing = await meta.standing(session)
    except Unavailable:
        numbers.process.database_up.set(0)
        return
    numbers.process.database_up.set(1)
    for outcome in ("received", "stored", "duplicate", "quarantined", "dropped", "in_flight"):
        numbers.items.ledger.labels(outcome).set(getattr(balance, outcome))
    if standing.stored_at is not None:
        numbers.desk.last_stored.set(standing.stored_at.timestamp())


def _health(status: int, health: Health) -> Response:
    return Response(msgspec.json.encode(health), status, media_type="application/json")
