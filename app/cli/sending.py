"""What `watchdesk destination` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from app.cli.printing import Cell, print_table
from app.cli.stored import open_stored
from app.clock import SystemClock
from app.db import audit, destinations, outbox
from app.db.audit import Deed
from app.db.destinations import KnownDestination
from app.db.session import Database
from app.domain.deliveries import TOPIC
from app.errors import SettingsError, UserError
from app.notify.build import Builder
from app.notify.port import Delivered, Notice
from app.notify.secrets import SecretBox, new_secret
from app.settings import Settings
from consumers.outlets import spec_of

WHO = "command line"


async def list_destinations(settings: Settings, *, as_json: bool) -> None:
    async with open_stored(settings) as database, database.read() as session:
        known = await destinations.known(session)
        waiting = await outbox.backlog(session, SystemClock().now())
    rows = [
        {
            "name": one.destination.name,
            "type": one.destination.type,
            "state": _standing(one),
            "pending": waiting[one.destination.name].pending if one.destination.name in waiting else 0,
            "last_success_at": one.state.last_success_at if one.state else None,
            "detail": one.state.detail if one.state else "",
        }
        for one in known
    ]
    _show(rows, as_json=as_json, empty="no destinations: name one in watchdesk.toml")


async def test_destination(settings: Settings, name: str) -> tuple[bool, str]:
    """Send a test line and return whether it arrived, and what to print."""
    clock = SystemClock()
    async with open_stored(settings) as database:
        known = await _known(database, name)
    builder = Builder(
        secret_of=settings.secret_of,
        box=SecretBox(settings.secret_key),
        outbound=settings.config.section("outbound"),
        clock=clock,
    )
    begun = clock.monotonic()
    text = f"TEST of destination {name!r}: it works. This is not an alert."
    outcome = await builder.build(spec_of(known.destination)).send(
        Notice(uuid4().hex, text, clock.now(), settings.demo)
    )
    if isinstance(outcome, Delivered):
        return True, f"{name}: delivered in {clock.monotonic() - begun:.1f} s"
    return False, f"{name}: not delivered: {outcome.reason}"


async def list_deliveries(
    settings: Settings, name: str | None, state: str | None, *, limit: int, as_json: bool
) -> None:
    async with open_stored(settings) as database, database.read() as session:
        found = await outbox.listed(session, destination=name, state=state, limit=limit)
    rows = [
        {
            "id": one.id,
            "destination": one.destination,
            "alert": one.alert_id or None,
            "state": one.state,
            "attempts": one.attempts,
            "created_at": one.created_at,
            "ended_at": one.ended_at,
            "next_at": one.next_at if one.state == outbox.PENDING else None,
            "detail": one.detail,
        }
        for one in found
    ]
    _show(rows, as_json=as_json, empty="no deliveries")


async def list_attempts(settings: Settings, delivery: str, *, as_json: bool) -> None:
    async with open_stored(settings) as database, database.read() as session:
        found = await outbox.attempts(session, delivery)
    rows = [
        {
            "number": one.number,
            "at": one.at,
            "outcome": one.outcome,
            "seconds": round(one.seconds, 3),
            "detail": one.detail,
        }
        for one in found
    ]
    _show(rows, as_json=as_json, empty=f"no attempts at {delivery}")


async def replay(
    settings: Settings, delivery: str | None, name: str | None, since: datetime | None, *, delivered: bool
) -> int:
    """Make deliveries due again and return how many; raise UserError where there is none of that id."""
    start = since.replace(tzinfo=UTC) if since is not None else None
    now = SystemClock().now()
    async with open_stored(settings) as database, database.write() as writing:
        count = await outbox.replay(writing, now, delivery=delivery, destination=name, since=start, delivered=delivered)
        if delivery is not None and not count:
            raise UserError(f"no delivery {delivery} has ended: see `watchdesk destination deliveries`")
        await audit.note(
            writing, Deed(WHO, "deliveries_replayed", delivery or name or TOPIC, body={"count": count}), now
        )
    return count


async def rotate(settings: Settings, name: str) -> str:
    """Store a new secret and return it."""
    secret, now = new_secret(), SystemClock().now()
    sealed = SecretBox(settings.secret_key).seal(secret)
    async with open_stored(settings) as database:
        known = await _known(database, name)
        if known.destination.type != "webhook":
            raise UserError(f"{name} is a {known.destination.type}: only webhooks have a signing secret of ours")
        if spec_of(known.destination).options.get("secret_env"):
            raise SettingsError(f"{name} takes its secret from the variable that secret_env names: change it there")
        async with database.write() as writing:
            await destinations.rotate_secret(writing, name, sealed, now)
            await audit.note(writing, Deed(WHO, "secret_rotated", name), now)
    return secret


async def enable(settings: Settings, name: str) -> str:
    now = SystemClock().now()
    async with open_stored(settings) as database:
        await _known(database, name)
        async with database.write() as writing:
            was_off = await destinations.enable(writing, name)
            if was_off:
                await audit.note(writing, Deed(WHO, "destination_enabled", name), now)
    return f"{name} is switched on again" if was_off else f"{name} was not switched off"


async def _known(database: Database, name: str) -> KnownDestination:
    async with database.read() as session:
        found = await destinations.get(session, name)
        names = await destinations.active_names(session)
    if found is None or found.destination.retired_at is not None:
        raise UserError(f"there is no destination {name!r}; there are: {', '.join(names) or 'none'}")
    return found


def _standing(one: KnownDestination) -> str:
    if one.destination.retired_at is not None:
        return "retired"
    if one.state is None:
        return "unused"
    if one.state.disabled_at is not None:
        return "switched off"
    if destinations.cannot_be_used(one.state):
        return "unusable"
    return "failing" if one.state.failures else "works"


def _show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    if as_json:
        for row in rows:
            print(msgspec.json.encode(row).decode())  # noqa: T201 - that is what the command is for
        return
    columns = list(rows[0]) if rows else []
    print_table(columns, [[_cell(row[column]) for column in columns] for row in rows], empty=empty)


def _cell(value: Any) -> Cell:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)
