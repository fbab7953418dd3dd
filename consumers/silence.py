"""What the destinations hear of sources that fall silent: once when it begins, once when they are heard again, whoever of several senders says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import meta, sources
from app.db.models import Source, SourceStatus
from app.db.session import WriteSession

TOLD = "silent_told"  # of which sources the destinations know, and since when
NAMED = 5  # sources in one line


class _Told(msgspec.Struct):
    """Since when the source had been silent, as it was said."""

    since: datetime


async def silence_news(writing: WriteSession, now: datetime) -> list[str]:
    """Return what is new, as lines for people, and write down that it was said."""
    session = writing.session
    kept = await meta.value(session, TOLD)
    told = msgspec.json.decode(kept, type=dict[str, _Told]) if kept else {}
    silent = await sources.silent(session, now)
    heard, over = await _ended(session, told, silent)
    begun = {name: one for name, one in silent.items() if name not in told}
    if not begun and not heard and not over:
        return []
    still = {name: one for name, one in told.items() if name not in {*heard, *over}}
    still |= {name: _Told(one.since) for name, one in begun.items()}
    await meta.put(writing, TOLD, msgspec.json.encode(still).decode())
    quiet = [f"{name} (last post {one.last_post_at:%Y-%m-%d %H:%M} UTC)" for name, one in begun.items()]
    lines = [_line("silent far beyond habit, though connected", quiet), _line("heard again", heard)]
    return [line for line in lines if line]


async def _ended(
    session: AsyncSession, told: dict[str, _Told], silent: dict[str, sources.Silence]
) -> tuple[list[str], list[str]]:
    """Return the told sources that posted since, and those that need no word: retired, or silent by another measure than now."""
    query = select(SourceStatus, Source).join(Source, Source.id == SourceStatus.source)
    query = query.where(SourceStatus.source.in_(list(told)))
    rows = {status.source: (status, source) for status, source in await session.execute(query)}
    heard, over = [], []
    for name, one in told.items():
        status, source = rows.get(name, (None, None))
        if status is None or source is None or source.retired_at is not None:
            over.append(name)
        elif status.last_post_at is not None and status.last_post_at > one.since:
            heard.append(name)
        elif status.state == "live" and name not in silent:
            over.append(name)
    return heard, over


def _line(what: str, names: Sequence[str]) -> str:
    """Return the line, or nothing where there are no names."""
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"source{'' if len(names) == 1 else 's'} {what}: {', '.join(names[:NAMED])}{more}"
