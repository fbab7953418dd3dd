"""The trail of a post through the logs: its ingest id is the trace id from receipt to alert, the alert's id goes on to the delivery.

One line an alert and one a delivery at info; what becomes of every single post is told at debug only. Never what a post says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from app.db.outbox import Loaded
from app.domain.changes import Changes
from app.domain.exercises import WATCHDOG
from app.messages import Item, Record
from app.telemetry.logging import trace
from consumers.outlets import Outlet

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def tell_tagged(records: Sequence[Record]) -> None:
    """Tell at debug what the stage tag has handed on."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    for record in records:
        if isinstance(record, Item):
            post = record.post.id if record.post else None
            log.debug("tagged", source=record.source, post=post, run=record.run, **trace(record.ingest))


def tell_decided(changes: Changes) -> None:
    """Tell which alerts a committed batch raised, each with the trace id of the post that caused it."""
    causes = {taken.post.given_id: taken.item.ingest for taken in changes.taken}
    for raised in changes.alerts:
        alert = raised.alert
        say = log.debug if raised.watch.name == WATCHDOG.name else log.info
        say(
            "alert raised",
            alert=alert.id,
            incident=alert.incident,
            watch=alert.watch,
            step=alert.step,
            level=alert.level,
            exercise=raised.exercise,
            **trace(causes.get(alert.post or "")),
        )
    if changes.quarantined:
        first = changes.quarantined[0]
        reason = str(first.quarantined.reason) if first.quarantined else None
        log.info(
            "quarantined", items=len(changes.quarantined), source=first.source, reason=reason, **trace(first.ingest)
        )


def about(outlet: Outlet, parts: Sequence[Loaded]) -> dict[str, str | int | None]:
    """Return what a span says of a delivery: the last alert it carries, and how many."""
    alert = parts[-1].alert
    told = {"alert": alert.id, "incident": alert.incident} if alert else {}
    return {"destination": outlet.name, "type": outlet.spec.type, "alerts": len(parts), **told}


@contextmanager
def delivering(destination: str, parts: Sequence[Loaded]) -> Iterator[None]:
    """Name the alert and the delivery in every line that is logged inside."""
    last = parts[-1]
    with structlog.contextvars.bound_contextvars(
        destination=destination,
        delivery=last.id,
        alert=last.alert.id if last.alert else None,
        incident=last.alert.incident if last.alert else None,
    ):
        yield
