"""What `watchdesk keys` does: keys in the database of the settings, each step in the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec

from app.clock import SystemClock
from app.db import audit, keys
from app.db.audit import Deed
from app.db.migrate import upgrade
from app.db.models import ApiKey
from app.db.session import Database, open_database
from app.errors import UserError
from app.settings import Settings, prepare_home

WHO = "command line"


async def create_key(settings: Settings, name: str, scopes: Sequence[str], lasting: timedelta | None) -> str:
    """Make a key and return it."""
    now = SystemClock().now()
    async with _opened(settings) as database, database.write() as writing:
        made = await keys.create(writing, name, scopes, now, expires_at=None if lasting is None else now + lasting)
        deed = Deed(WHO, "key_created", made.id, body={"name": name, "scopes": list(scopes)})
        await audit.note(writing, deed, now)
    return made.token


async def list_keys(settings: Settings, *, as_json: bool) -> list[str]:
    """Return one line a key."""
    async with _opened(settings) as database, database.read() as session:
        return [_line(row, as_json=as_json) for row in await keys.known(session)]


async def revoke_key(settings: Settings, key_id: str) -> None:
    """Revoke a key; raise UserError where there is none in force with this id."""
    now = SystemClock().now()
    async with _opened(settings) as database, database.write() as writing:
        if not await keys.revoke(writing, key_id, now):
            raise UserError(f"there is no key {key_id} in force: `watchdesk keys list` shows them")
        await audit.note(writing, Deed(WHO, "key_revoked", key_id), now)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    # The first key is made before anything ran here, so the database may not exist yet.
    prepare_home(settings.home)
    await upgrade(settings.database_url)
    async with open_database(settings.database_url, role="cli") as database:
        yield database


def _line(row: ApiKey, *, as_json: bool) -> str:
    times = {
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }
    if as_json:
        return msgspec.json.encode({"id": row.id, "name": row.name, "scopes": row.scopes, **times}).decode()
    told = [
        f"{name.removesuffix('_at').replace('_', ' ')} {moment:%Y-%m-%d %H:%M}"
        for name, moment in times.items()
        if moment
    ]
    return f"{row.id}  {row.name}  [{' '.join(row.scopes)}]  {', '.join(told)}"
