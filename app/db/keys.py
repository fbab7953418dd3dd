"""API keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import ApiKey
from app.db.session import WriteSession
from app.errors import UserError

SCOPES = ("read", "ack", "rules", "admin")
PREFIX = "wd"


class NewKey(NamedTuple):
    """A key as it was made. `token` is the only copy of it."""

    id: str
    token: str


def parse_token(token: str) -> tuple[str, str] | None:
    """Return the id and the secret of `wd_<id>_<secret>`; None where the text is no key of that form."""
    prefix, _, rest = token.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None


def hashed(secret: str) -> str:
    """Return what is stored of a secret. It is 256 random bits, so one plain hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def create(
    writing: WriteSession, name: str, scopes: Iterable[str], now: datetime, *, expires_at: datetime | None = None
) -> NewKey:
    """Make a key. Raises UserError where a scope is unknown, none is given, or it would be expired at once."""
    wanted = sorted(set(scopes), key=lambda scope: SCOPES.index(scope) if scope in SCOPES else -1)
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise UserError(
            f"a key needs scopes out of {', '.join(SCOPES)}" + (f", not {', '.join(unknown)}" if unknown else "")
        )
    if not name.strip() or len(name) > 200:
        raise UserError("a key needs a name of at most 200 characters: who or what will use it")
    if expires_at is not None and expires_at <= now:
        raise UserError("the key would have expired already")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    writing.session.add(
        ApiKey(
            id=key_id, name=name.strip(), secret_sha256=hashed(secret), scopes=wanted, created_at=now,
            expires_at=expires_at, last_used_at=None, revoked_at=None,
        )
    )  # fmt: skip
    return NewKey(key_id, f"{PREFIX}_{key_id}_{secret}")


async def known(session: AsyncSession) -> list[ApiKey]:
    """Return every key that was ever made, oldest first."""
    return list((await session.execute(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id))).scalars())


async def active(session: AsyncSession, now: datetime) -> list[ApiKey]:
    """Return the keys that are good now."""
    query = select(ApiKey).where(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now))
    return list((await session.execute(query)).scalars())


async def revoke(writing: WriteSession, key_id: str, now: datetime) -> bool:
    """Make a key useless from now on; return whether there was such a key in force."""
    changed = await writing.session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.id)
    )
    return changed.first() is not None


async def note_use(writing: WriteSession, used: Mapping[str, datetime]) -> None:
    """Write when each key was last used."""
    for key_id, moment in used.items():
        await writing.session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=moment))
