from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import audit, idempotency, keys
from app.db.audit import Deed
from app.db.models import ApiKey, Audit, Idempotency
from app.db.session import Database
from app.errors import UserError
from tests.rows import NOON


async def test_a_key_is_kept_as_a_hash_only(database: Database) -> None:
    async with database.write() as writing:
        made = await keys.create(writing, "dashboard", ["rules", "read"], NOON)
    async with database.read() as session:
        (row,) = await keys.known(session)
        everything = " ".join(str(getattr(row, column.key)) for column in ApiKey.__table__.columns)
    key_id, secret = keys.parse_token(made.token) or ("", "")
    assert (row.id, row.secret_sha256, row.scopes) == (key_id, keys.hashed(secret), ["read", "rules"])
    assert len(secret) >= 43
    assert secret not in everything


async def test_expired_and_revoked_keys_are_not_active(database: Database) -> None:
    async with database.write() as writing:
        good = await keys.create(writing, "good", ["read"], NOON, expires_at=NOON + timedelta(days=1))
        gone = await keys.create(writing, "gone", ["read"], NOON)
    async with database.write() as writing:
        assert await keys.revoke(writing, gone.id, NOON)
        assert not await keys.revoke(writing, gone.id, NOON)
        await keys.note_use(writing, {good.id: NOON})
    async with database.read() as session:
        (row,) = await keys.active(session, NOON)
        assert (row.id, row.last_used_at) == (good.id, NOON)
        assert await keys.active(session, NOON + timedelta(days=2)) == []


async def test_keys_that_could_do_nothing_or_anything_are_refused(database: Database) -> None:
    for name, scopes, lasting in (
        ("a", [], 1),
        ("a", ["write"], 1),
        ("", ["read"], 1),
        ("a" * 201, ["read"], 1),
        ("a", ["read"], -1),
    ):
        with pytest.raises(UserError):
            async with database.write() as writing:
                await keys.create(writing, name, scopes, NOON, expires_at=NOON + timedelta(days=lasting))


def test_what_is_no_key_is_told_apart() -> None:
    assert keys.parse_token("wd_12ab_x_y") == ("12ab", "x_y")
    for text in ("", "wd", "wd_", "wd_1", "wd_1_", "sk_1_2"):
        assert keys.parse_token(text) is None


async def test_a_deed_is_written_with_a_number(database: Database) -> None:
    async with database.write() as writing:
        await audit.note(writing, Deed("ann", "ack", "i1", "called", {"x": 1}), NOON)
    async with database.read() as session:
        row = (await session.execute(select(Audit))).scalar_one()
    assert (row.who, row.action, row.subject, row.why, row.body, row.change_no) == (
        "ann",
        "ack",
        "i1",
        "called",
        '{"x":1}',
        1,
    )


async def test_answers_are_kept_for_a_day(database: Database) -> None:
    async with database.write() as writing:
        kept = Idempotency(key="k", request_sha256="0" * 64, status=201, body="{}", stored_at=NOON)
        await idempotency.keep(writing, kept)
    async with database.write() as writing:
        assert (await idempotency.recall(writing, "k", NOON + timedelta(hours=23))) is not None
        assert (await idempotency.recall(writing, "k", NOON + timedelta(hours=25))) is None
