"""/healthz, /readyz and /metrics: whether the process lives, whether it can serve, and its numbers. Only these last need a key."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from fastapi import APIRouter, Request, Response

from app.api.auth import READ
from app.api.deps import Resources, Serving
from app.api.log_watch import LogWatch
from app.api.openapi import answers
from app.api.schemas import Health
from app.db import ledger, meta
from app.errors import Unavailable, WatchdeskError

router = APIRouter(tags=["health"])

ALIVE: dict[str, object] = {"status": "alive", "detail": None, "degraded": []}
READY: dict[str, object] = {
    "status": "ready",
    "detail": None,
    "degraded": ["log: kafka:9092: no answer to metadata within 5 s; new posts wait, what is stored is answered"],
}


@router.get("/healthz", summary="The process lives", responses={200: answers(Health, ALIVE)})
async def healthz() -> Response:
    """Always 200 while the event loop turns; it asks nothing of anything else."""
    return _health(200, Health("alive"))


@router.get(
    "/readyz",
    summary="The process can serve",
    responses={200: answers(Health, READY), 503: answers(Health)},
)
async def readyz(request: Request, resources: Resources) -> Response:
    """200 while the database answers: what is stored can be read. `degraded` lists what else does not work, such as the log or a stage."""
    try:
        async with resources.database.read() as session:
            standing = await meta.standing(session)
    except WatchdeskError as error:
        return _health(503, Health("not ready", f"database: {error.detail[:200]}"))
    if not request.app.state.tail.alive:
        return _health(503, Health("not ready", "the reader of new alerts has stopped"))
    return _health(200, Health("ready", degraded=tuple(_degraded(request.app.state.log_watch, resources, standing))))


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


def _degraded(log: LogWatch, resources: Serving, standing: meta.Standing) -> Iterator[str]:
    """Yield what does not work, the nearest cause first."""
    if log.trouble is not None:
        yield f"log: {log.trouble}; new posts wait, what is stored is answered"
    for name, part in resources.health.parts.items():
        if not part.ok:
            yield f"{name}: {part.detail or 'not ready'}"
    since = standing.stale_since(resources.clock.now())
    if since is not None:
        yield f"posts: none was stored since {since:%Y-%m-%dT%H:%M:%SZ}: a stage is down, or every source is silent"


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
