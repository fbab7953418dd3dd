"""What `watchdesk source` does: the same writes as the API makes, and a source tried without storing anything."""

from __future__ import annotations

import asyncio
import getpass
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from app.cli.printing import print_lines, print_table, visible
from app.cli.stored import open_stored
from app.clock import SystemClock
from app.config_check import why_too_long, why_unread
from app.db import audit, sources
from app.db.audit import Deed
from app.db.config import put_source, retire, source_of
from app.db.migrate import upgrade
from app.db.models import Source
from app.db.session import WriteSession, open_database
from app.db.sources import KnownSource
from app.domain.config import SourceConfig
from app.domain.rights import DELETE_24H
from app.domain.source_lists import Listed, read_source
from app.errors import Unavailable, UserError
from app.gazetteer_file import default_path, open_gazetteer
from app.messages import Item, SourceState, decode
from app.outbound.targets import policy_of
from app.settings import Settings, prepare_home
from app.streams.sqlite_log import SqliteLog, open_sqlite_log
from app.streams.topics import POSTS
from app.telemetry.logging import configure_logging
from producers.port import Setup
from producers.roster import producer_for
from producers.runner import run_producer
from producers.spool import open_spool

SHOWN = 10  # posts of a source that is tried
LOOK_S = 0.25


async def add_source(settings: Settings, fields: Mapping[str, Any]) -> str:
    """Write one source; return what to tell. What is not given (None) stays as it was. UserError where watchdesk.toml owns it."""
    async with _writing(settings) as (writing, now):
        source = read_source(await _with_stored(writing, fields), "the source")
        return _told(source, await _put(writing, source, now), settings)


async def import_sources(settings: Settings, found: Sequence[Listed], *, dry_run: bool) -> list[str]:
    """Write the sources of a list, all or none; return a line for each. What a list does not give of a source stays as it was."""
    if dry_run:
        return [f"{one.id}: {one.owner}, grade {one.grade}" for one in (listed.source() for listed in found)]
    lines = []
    async with _writing(settings) as (writing, now):
        for listed in found:
            source = read_source(await _with_stored(writing, listed.fields), listed.where)
            lines.append(_told(source, await _put(writing, source, now), settings))
    return lines


async def remove_source(settings: Settings, source_id: str) -> None:
    async with _writing(settings) as (writing, now):
        row = await writing.session.get(Source, source_id)
        if row is None or row.retired_at is not None:
            raise UserError(f"there is no source {source_id}")
        _refuse_owned(row)
        await retire(writing, row, now)
        await audit.note(writing, Deed(_who(), "source_retired", source_id), now)


async def list_sources(settings: Settings, *, as_json: bool) -> None:
    async with open_stored(settings) as database, database.read() as session:
        known = await sources.known(session)
    lines = [_line(one, SystemClock().now()) for one in known]
    if as_json:
        print_lines(lines)
        return
    columns = ("source", "owner", "grade", "state", "last post (UTC)", "usual gap", "posts", "gaps", "spend", "detail")
    print_table(
        columns, [_row(line) for line in lines], empty="no sources yet: watchdesk source add rss:NAME --url ADDRESS"
    )


async def list_gaps(settings: Settings, source_id: str | None, *, limit: int, as_json: bool) -> None:
    async with open_stored(settings) as database, database.read() as session:
        found = await sources.gaps(session, limit=limit, source=source_id)
    lines = [GapLine(gap.source, gap.start, gap.end, gap.reason, gap.filled) for gap in found]
    if as_json:
        print_lines(lines)
        return
    rows = [
        (
            gap.source or "all",
            f"{gap.start:%Y-%m-%d %H:%M:%S}",
            f"{gap.end:%Y-%m-%d %H:%M:%S}",
            "yes" if gap.filled else "no",
            gap.reason,
        )
        for gap in lines
    ]
    print_table(("source", "from (UTC)", "to", "filled", "why"), rows, empty="no gaps")


async def try_source(settings: Settings, fields: Mapping[str, Any], seconds: float) -> bool:
    """Read a source into a log that is thrown away, and show what it says; return whether it ever was live."""
    configure_logging(level="warning", form="text", secrets=settings.secrets())  # what it does is printed, not logged
    clock = SystemClock()
    source = await _stored(settings, str(fields["id"])) or read_source(fields, "the source")
    outbound = settings.config.section("outbound")
    setup = Setup(
        sources=(),
        section=settings.config.section("feeds" if source.platform in {"rss", "youtube", "web"} else source.platform),
        secret=settings.secret_of,
        clock=clock,
        policy=policy_of([*outbound.get("allow_hosts", ()), *outbound.get("allow_networks", ())], plain=True),
        home=settings.home,
        trial=True,
    )
    producer = producer_for(source, setup)
    with tempfile.TemporaryDirectory(prefix="watchdesk-") as folder:
        async with (
            open_sqlite_log(Path(folder) / "log.db", clock, durable=False) as log,
            open_spool(log, clock) as spool,
        ):
            reading = asyncio.create_task(run_producer(producer, spool, clock))
            try:
                return await _show(log, reading, seconds)
            finally:
                reading.cancel()
                await asyncio.wait([reading])


async def _stored(settings: Settings, source_id: str) -> SourceConfig | None:
    """Return a source as it is configured: in watchdesk.toml, or in the database where there is one."""
    named = next((source for source in settings.config.sources if source.id == source_id), None)
    if named is not None:
        return named
    with suppress(UserError, Unavailable):
        async with open_stored(settings) as database, database.read() as session:
            row = await session.get(Source, source_id)
            return source_of(row) if row is not None else None
    return None


async def _show(log: SqliteLog, reading: asyncio.Task[None], seconds: float) -> bool:
    """Print states and posts as they come, until the time is up, enough was shown, or the source refused us."""
    clock = SystemClock()
    end = clock.monotonic() + seconds
    offset = shown = 0
    live = False
    while clock.monotonic() < end and shown < SHOWN and not reading.done():
        _, records = await log.fetch(POSTS.name, offset, 100)
        offset += len(records)
        for record in map(decode, (one.value for one in records)):
            if isinstance(record, SourceState):
                live = live or record.state == "live"
                click.echo(f"{record.source}: {record.state}{': ' if record.detail else ''}{record.detail}")
                if record.state == "refused":
                    return live
            elif isinstance(record, Item) and record.post is not None and shown < SHOWN:
                shown += 1
                when = f"{record.post.created_at:%Y-%m-%d %H:%M}" if record.post.created_at else "no date"
                click.echo(f"  {when}  {record.post.author}: {visible(' '.join(record.post.text[:160].split())).plain}")
        await clock.sleep(LOOK_S)
    return live


@asynccontextmanager
async def _writing(settings: Settings) -> AsyncIterator[tuple[WriteSession, datetime]]:
    prepare_home(settings.home)  # a source may be the first thing that is done here
    await upgrade(settings.database_url)
    async with open_database(settings.database_url, role="cli") as database, database.write() as writing:
        yield writing, SystemClock().now()


async def _with_stored(writing: WriteSession, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the fields that are given over those of the source as it is stored: a new grade must not undo its rights."""
    given = {key: value for key, value in fields.items() if value is not None}
    row = await writing.session.get(Source, str(fields["id"]))
    if row is None:
        return given
    stored = msgspec.structs.asdict(source_of(row))
    return {**stored.pop("options"), **stored, **given}


def _told(source: SourceConfig, outcome: str, settings: Settings) -> str:
    line = f"{source.id} is {'unchanged' if outcome == 'same' else outcome}"
    too_long = why_too_long(settings, source.id) if source.rights == DELETE_24H else None
    notes = [note for note in (why_unread(source), _unknown_area(source, settings), too_long) if note]
    return "; ".join([line, *notes])


def _unknown_area(source: SourceConfig, settings: Settings) -> str | None:
    """Return that no place has the name of the source's area, with those that are near; None where there is no place index yet."""
    path = settings.gazetteer or default_path(settings.home)
    if source.area is None or not path.exists():
        return None
    gazetteer = open_gazetteer(path)
    if gazetteer.lookup(source.area):
        return None
    near = ", ".join(place.name for place in gazetteer.suggest(source.area))
    return f"no place is called {source.area}{f'; did you mean {near}?' if near else ''}"


async def _put(writing: WriteSession, source: SourceConfig, now: datetime) -> str:
    row = await writing.session.get(Source, source.id)
    if row is not None and row.retired_at is None:
        _refuse_owned(row)
    outcome = await put_source(writing, source)
    if outcome != "same":
        body = {"owner": source.owner, "grade": source.grade, "area": source.area, "rights": source.rights}
        await audit.note(writing, Deed(_who(), f"source_{outcome}", source.id, body=body), now)
    return outcome


def _refuse_owned(row: Source) -> None:
    if row.owned_by_file:
        raise UserError(
            f"{row.id} is written in watchdesk.toml, which owns it: change it there and run `watchdesk migrate`"
        )


def _who() -> str:
    with suppress(OSError, KeyError):
        return f"{getpass.getuser()} (command line)"
    return "command line"


class GapLine(msgspec.Struct, frozen=True):
    """A line of `watchdesk source gaps --json`."""

    source: str | None
    start: datetime
    end: datetime
    reason: str
    filled: bool


class SourceLine(msgspec.Struct, frozen=True):
    """A line of `watchdesk source list --json`."""

    id: str
    owner: str
    grade: str
    area: str | None
    rights: str
    state: str
    detail: str
    last_post_at: datetime | None
    usual_gap_s: float | None
    silent_since: datetime | None
    posts: int
    reconnects: int
    backlog: int
    spend_usd: float
    covered_until: datetime | None
    open_gaps: int


def _line(known: KnownSource, now: datetime) -> SourceLine:
    source, status = known.source, known.status
    state = status.state if status else "unknown"
    last, gap, posts = (status.last_post_at, status.usual_gap_s, status.posts) if status else (None, None, 0)
    return SourceLine(
        id=known.id,
        owner=source.owner if source else known.id.partition(":")[2],
        grade=source.grade if source else "F",
        area=source.area if source else None,
        rights=source.rights if source else "full",
        state="retired" if source and source.retired_at else state,
        detail=status.detail if status else "",
        last_post_at=last,
        usual_gap_s=gap,
        silent_since=known.silent_since(now),
        posts=posts,
        reconnects=status.reconnects if status else 0,
        backlog=status.backlog if status else 0,
        spend_usd=status.spend_usd if status else 0.0,
        covered_until=known.covered_until,
        open_gaps=known.open_gaps,
    )


def _row(line: SourceLine) -> tuple[str, ...]:
    return (
        line.id,
        line.owner,
        line.grade,
        "SILENT" if line.silent_since else line.state,
        f"{line.last_post_at:%Y-%m-%d %H:%M}" if line.last_post_at else "",
        f"{line.usual_gap_s / 60:.0f} min" if line.usual_gap_s else "",
        str(line.posts),
        str(line.open_gaps),
        f"${line.spend_usd:.2f}" if line.spend_usd else "",
        line.detail,
    )
