from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.db import quarantine
from app.db.models import Quarantine
from app.db.session import Database
from app.errors import Reason
from tests.rows import NOON, store


def row(ingest: str, reason: Reason, minutes: int) -> Quarantine:
    given: dict[str, Any] = {"detail": "d", "source": "s", "sha256": "0" * 64, "size": 3, "head": b"\xff\x00{"}
    return Quarantine(ingest=ingest, reason=reason, stored_at=NOON + timedelta(minutes=minutes), **given)


async def test_quarantine_is_listed_newest_first_and_by_reason(database: Database) -> None:
    await store(database, row("s:1", Reason.BAD_JSON, 1), row("s:2", Reason.BAD_ID, 2), row("s:3", Reason.BAD_JSON, 3))
    async with database.read() as session:
        assert [one.ingest for one in await quarantine.newest(session, limit=2)] == ["s:3", "s:2"]
        assert [one.ingest for one in await quarantine.newest(session, limit=9, reason="bad_json")] == ["s:3", "s:1"]
        one = await quarantine.by_ingest(session, "s:1")
        assert one is not None
        assert one.head == b"\xff\x00{"
        counts = await quarantine.counts(session)
    assert counts["bad_json"] == 2
    assert counts["bad_id"] == 1
    assert set(counts) == set(Reason)
