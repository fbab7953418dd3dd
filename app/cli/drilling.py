"""What `watchdesk drill` does: hands an exercise post in, follows it through the database, and times each stage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import select

from app.cli.stored import open_stored
from app.clock import SystemClock
from app.db import inbox
from app.db.config import load_watches
from app.db.models import Alert, Delivery, Post
from app.db.session import Database
from app.domain.alerts import load_actor_names
from app.domain.drills import drill_author, drill_text
from app.domain.exercises import WATCHDOG_TEXT
from app.domain.rules import parse_rule
from app.errors import UserError
from app.settings import Settings

LOOK_S = 0.1
NOBODY = (
    "nobody took it: is `watchdesk run` running on this database? It is taken back, so that no later start sends it"
)
ON_ITS_WAY = "taken in, and not stored in this time: see /readyz for what waits. It will come"


class Report(NamedTuple):
    """What to print, and whether the exercise reached every destination."""

    lines: list[str]
    passed: bool


class Passage(NamedTuple):
    """How far the exercise has come: when it was stored, its alerts, and its deliveries."""

    stored_at: datetime | None
    alerts: Sequence[tuple[str, str, datetime]]
    deliveries: Sequence[tuple[str, str, datetime | None, str]]

    @property
    def done(self) -> bool:
        return bool(self.deliveries) and all(state != "pending" for _, state, _, _ in self.deliveries)


async def drill(settings: Settings, watch: str | None, text: str | None, seconds: float) -> Report:
    """Run an exercise; raise UserError where there is no such watch."""
    clock = SystemClock()
    async with open_stored(settings) as database:
        words, author = await _words(database, watch, text)
        begun, native = clock.now(), f"drill-{uuid4().hex[:12]}"
        line = {
            "id": native,
            "platform": "inbox",
            "author": author,
            "created_at": begun.isoformat(),
            "text": words,
        }
        handed_in = msgspec.json.encode(line).decode()
        async with database.write() as writing:
            await inbox.hand_in(writing.session, handed_in, begun, exercise=True)
        deadline = clock.monotonic() + seconds
        passage = await _passage(database, f"inbox:{native}")
        while not passage.done and clock.monotonic() < deadline:
            await clock.sleep(LOOK_S)
            passage = await _passage(database, f"inbox:{native}")
        if passage.stored_at is None:
            async with database.write() as writing:
                back = await inbox.take_back(writing.session, handed_in)
            return Report([f"exercise: {words}", NOBODY if back else ON_ITS_WAY], passed=False)
    return _report(words, watch, begun, passage)


async def _words(database: Database, watch: str | None, text: str | None) -> tuple[str, str]:
    """Return the exercise's text and author."""
    async with database.read() as session:
        watches = {one.name: one for one in await load_watches(session)}
    if watch is not None and watch not in watches:
        raise UserError(f"there is no watch {watch!r}; there are: {', '.join(watches) or 'none but the built-in one'}")
    rule = parse_rule(watches[watch].rule) if watch is not None else None
    author = (drill_author(rule) if rule else None) or "drill"
    if text is not None:
        return text if text.startswith("TEST") else f"TEST {text}", author
    return (drill_text(rule, load_actor_names()) if rule else WATCHDOG_TEXT), author


async def _passage(database: Database, post_id: str) -> Passage:
    async with database.read() as session:
        stored_at = await session.scalar(select(Post.stored_at).where(Post.id == post_id))
        given = await session.scalar(select(Post.given_id).where(Post.id == post_id))
        if given is None:
            return Passage(None, (), ())
        raised = await session.execute(select(Alert.id, Alert.watch, Alert.stored_at, Alert.body).where(Alert.exercise))
        alerts = [(row.id, row.watch, row.stored_at) for row in raised if row.body.post == given]
        sent = await session.execute(
            select(Delivery.destination, Delivery.state, Delivery.ended_at, Delivery.detail)
            .where(Delivery.alert_id.in_([alert for alert, _, _ in alerts]))
            .order_by(Delivery.destination)
        )
        return Passage(stored_at, alerts, [(row[0], row[1], row[2], row[3]) for row in sent])


def _report(words: str, watch: str | None, begun: datetime, passage: Passage) -> Report:
    lines = [f"exercise: {words}"]
    if passage.stored_at is not None:
        lines.append(f"read, tagged and stored  {_since(begun, passage.stored_at)}")
    if not passage.alerts:
        return Report([*lines, "no watch matched it: give other words with --text"], passed=False)
    lines += [f"alert of watch {name!r}  {_since(begun, at)}" for _, name, at in passage.alerts]
    for destination, state, ended_at, detail in passage.deliveries:
        when = _since(begun, ended_at) if ended_at else "still waiting"
        lines.append(f"{destination}: {state}  {when}{f'  {detail}' if detail and state != 'delivered' else ''}")
    if not passage.deliveries:
        lines.append(
            "no destination is configured: the alert is in `watchdesk alerts` for exercises and on the API only"
        )
    heard = watch is None or any(name == watch for _, name, _ in passage.alerts)
    if not heard:
        lines.append(f"watch {watch!r} did not match: give other words with --text")
    passed = heard and all(state in {"delivered", "digested"} for _, state, _, _ in passage.deliveries)
    return Report(lines, passed)


def _since(begun: datetime, at: datetime) -> str:
    return f"{(at - begun).total_seconds():.2f} s"
