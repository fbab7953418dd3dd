"""Who did what to what, when and why: written in the transaction that does it, never changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from app.db.models import Audit
from app.db.session import WriteSession


class Deed(NamedTuple):
    """What somebody did: `action` to `subject`, with a reason and whatever else tells it apart."""

    who: str
    action: str
    subject: str
    why: str = ""
    body: Mapping[str, Any] = {}


async def note(writing: WriteSession, deed: Deed, now: datetime) -> None:
    """Write one deed."""
    writing.session.add(
        Audit(
            id=secrets.token_hex(16),
            at=now,
            who=deed.who,
            action=deed.action,
            subject=deed.subject,
            why=deed.why,
            body=msgspec.json.encode(deed.body).decode(),
            change_no=await writing.change_no(),
        )
    )
