"""The destinations as the sender sees them: how each is configured, its notifier, how it fares, and what an alert tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import alert_posts, destinations, outbox
from app.db.config import destination_of
from app.db.incidents import actions_on
from app.db.models import Destination, DestinationState, Post
from app.db.outbox import Loaded
from app.domain.actions import DONE
from app.domain.deliveries import TOPIC
from app.domain.exercises import NOWHERE
from app.domain.rights import DELETE_24H, REFERENCE, shown_text
from app.errors import SettingsError
from app.notify.build import Builder, DestinationSpec
from app.notify.port import Digest, Message, Notice, Notifier, Outgoing, PostShown, SourcesLive
from app.notify.schedule import Circuit

BARE = frozenset({"stream", "null"})  # types that need the alert alone: thousands a second pass there
RANK = {"reported": 1, "likely": 2, "confirmed": 3}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outlet:
    """A destination that can be sent to."""

    spec: DestinationSpec
    notifier: Notifier

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def built_in(self) -> bool:
        """Whether nobody configured it: then nobody could switch it on again either."""
        return self.name in {TOPIC, NOWHERE}

    @property
    def bare(self) -> bool:
        """Whether its messages need the alert alone and nothing else from the database."""
        return self.spec.type in BARE

    def below_minimum(self, level: str) -> bool:
        return RANK.get(level, 1) < RANK.get(str(self.spec.options.get("minimum_level", "reported")), 1)


class Outlets:
    """Builds each notifier once and again when its configuration changes; says once why one cannot be built."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._held: dict[str, Outlet] = {}
        self._refused: dict[str, DestinationSpec] = {}

    def update(self, known: Sequence[Destination]) -> tuple[dict[str, Outlet], dict[str, str]]:
        """Return the outlets by name, and why each of the other active destinations cannot be used."""
        own = (DestinationSpec(TOPIC, "stream", {}), DestinationSpec(NOWHERE, "null", {}))
        specs = [*own, *(spec_of(row) for row in known if row.retired_at is None)]
        broken: dict[str, str] = {}
        current: dict[str, Outlet] = {}
        for spec in specs:
            held = self._held.get(spec.name)
            if held is not None and held.spec == spec:
                current[spec.name] = held
                continue
            try:
                current[spec.name] = Outlet(spec, self._builder.build(spec))
            except SettingsError as error:
                broken[spec.name] = error.detail
                if self._refused.get(spec.name) != spec:
                    log.warning("destination cannot be used", destination=spec.name, why=error.detail)
                self._refused[spec.name] = spec
        self._held = current
        return current, broken


def spec_of(row: Destination) -> DestinationSpec:
    config = destination_of(row)
    named = {"url_env": config.url_env, "token_env": config.token_env}
    return DestinationSpec(
        name=row.name,
        type=row.type,
        options={**config.options, **{key: value for key, value in named.items() if value}},
        secret=row.secret,
        old_secret=row.old_secret,
        rotated_at=row.rotated_at,
    )


def circuit_of(state: DestinationState | None) -> Circuit:
    if state is None:
        return Circuit()
    return Circuit(state.failures, state.refusals, state.failing_since, state.paused_until)


class Composer:
    """Puts together what one message says, from the database."""

    def __init__(self, *, demo: bool) -> None:
        self._demo = demo
        self._counted: SourcesLive | None = None
        self._counted_at: datetime | None = None

    async def compose(self, session: AsyncSession, outlet: Outlet, parts: Sequence[Loaded], now: datetime) -> Message:
        """Return the message of deliveries of one incident, oldest first (the last one is what it says), or of a notice."""
        last = parts[-1]
        alert, view = last.alert, last.incident
        if alert is None or view is None or outlet.bare:
            return self.bare(last, now)
        first = view.posts[0] if view.posts else None
        posts = await alert_posts.of_incident(session, alert.incident, {post for post in (first, alert.post) if post})
        hide = outlet.spec.options.get("mode") == REFERENCE
        shown = {name: _shown(post, REFERENCE if hide else rights) for name, (post, rights) in posts.items()}
        message = Outgoing(
            id=last.id,
            alert=alert,
            incident=view,
            now=now,
            post=shown.get(first) if first else None,
            cause=shown.get(alert.post) if alert.post else None,
            sources=await self._sources(session, now),
            exercise=last.exercise,
            demo=self._demo,
        )
        if not outlet.notifier.gathers:
            return message
        live = await destinations.live_message(session, outlet.name, alert.incident)
        return replace(
            message,
            previous=await outbox.told_before(session, outlet.name, alert.incident, parts[0].seq),
            live=live.reference if live else None,
            pressed=await _pressed(session, alert.incident),
            also=tuple(part.alert for part in parts[:-1] if part.alert is not None),
        )

    async def _sources(self, session: AsyncSession, now: datetime) -> SourcesLive | None:
        """Return how many sources are being read, counted at most once a second."""
        if self._counted_at is None or abs(now - self._counted_at) >= timedelta(seconds=1):
            reading, total = await destinations.sources_live(session)
            self._counted_at, self._counted = now, SourcesLive(reading, total) if total else None
        return self._counted

    def bare(self, part: Loaded, now: datetime) -> Message:
        """Return a delivery's message with the alert alone."""
        if part.alert is None or part.incident is None:
            return Notice(part.id, part.notice or "", now, self._demo)
        return Outgoing(part.id, part.alert, part.incident, now, exercise=part.exercise, demo=self._demo)

    async def why_not(self, session: AsyncSession, outlet: Outlet, parts: Sequence[Loaded]) -> str | None:
        """Return why the alerts of one incident, oldest first, have nothing to say to this destination; None where they have."""
        first, last = parts[0], parts[-1]
        if first.alert is None or last.alert is None or outlet.bare:
            return None
        below = outlet.below_minimum(last.alert.level)
        if not below and last.alert.step != "withdrawn":
            return None
        if await outbox.owed_before(session, outlet.name, last.alert.incident, first.seq):
            return None
        if last.alert.step == "withdrawn":
            return "withdrawn before it was sent" if len(parts) > 1 else "withdrawn, and nothing of it was sent"
        return f"below the minimum level: {last.alert.level}"

    def digest(self, parts: Sequence[Loaded], now: datetime) -> Digest:
        alerts = sorted((part.alert for part in parts if part.alert is not None), key=lambda alert: alert.created_at)
        return Digest(parts[0].id, tuple(alerts), now, self._demo)


async def _pressed(session: AsyncSession, incident: str) -> str | None:
    done = [one for one in await actions_on(session, incident) if one.action in DONE]
    if not done:
        return None
    last = done[-1]
    return f"{DONE[last.action]} by {last.who}, {last.at:%H:%M} UTC{f': {last.why}' if last.why else ''}"


def _shown(post: Post, rights: str) -> PostShown:
    deleted = post.deleted_at is not None
    return PostShown(
        id=post.given_id,
        author=post.author,
        author_name=post.author_name,
        text=shown_text(post.text, rights, deleted=deleted),
        posted_at=post.created_at,
        seen_at=post.seen_at,
        url=post.url,
        deleted=deleted,
        recalled=rights == DELETE_24H,
    )
