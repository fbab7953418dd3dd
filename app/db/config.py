"""What is configured: sources, watches and destinations as rows, whether watchdesk.toml owns them or the API made them.

The file is applied whole: what it names is owned by it, what left it is retired and never deleted, the rest is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import meta
from app.db.models import Destination, Source
from app.db.models import Watch as WatchRow
from app.db.session import WriteSession
from app.domain.config import Config, DestinationConfig, SourceConfig
from app.domain.rule_index import watches_version
from app.domain.rule_vetting import refuse_over_quota, vet_rule
from app.domain.rules import parse_rule
from app.domain.watches import ALL_WATCH, Triggers, Watch
from app.errors import RuleError, SettingsError

Row: TypeAlias = Source | WatchRow | Destination
Table: TypeAlias = type[Source] | type[WatchRow] | type[Destination]

# One tuple, so that a new kind of row cannot be forgotten in one of the loops.
TABLES: tuple[Table, ...] = (Source, WatchRow, Destination)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying the file did, by "source x:a", "watch Idlib" ...; all empty where nothing had changed."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    watches_version: str = ""


@dataclass
class _Tally:
    named: dict[Table, set[str]] = field(default_factory=lambda: {table: set() for table in TABLES})
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


async def apply_config(writing: WriteSession, config: Config, now: datetime) -> Applied:
    """Make the rows what the file says; raise `SettingsError` where a rule in it cannot be used. Twice is as good as once."""
    _check_rules(config.watches)
    tally = _Tally()
    for source in config.sources:
        _tallied(tally, Source, source.id, await put_source(writing, source, by_file=True))
    for destination in config.destinations:
        outcome = await put_destination(writing, destination, by_file=True)
        _tallied(tally, Destination, destination.name, outcome)
    for watch in config.watches:
        _tallied(tally, WatchRow, watch.name, await put_watch(writing, watch, by_file=True))
    for table in TABLES:
        await _retire_unnamed(writing, table, tally, now)
    version = await store_watches_version(writing)
    await meta.put(writing, "config_hash", config.digest)
    return Applied(tuple(tally.added), tuple(tally.changed), tuple(tally.retired), version)


async def load_sources(session: AsyncSession) -> tuple[SourceConfig, ...]:
    """Return the sources in force, by id."""
    rows = await session.execute(select(Source).where(Source.retired_at.is_(None)).order_by(Source.id))
    return tuple(source_of(row) for row in rows.scalars())


async def load_watches(session: AsyncSession) -> tuple[Watch, ...]:
    """Return the watches in force, by name; empty where none is configured, and then `ALL_WATCH` counts."""
    rows = await session.execute(select(WatchRow).where(WatchRow.retired_at.is_(None)).order_by(WatchRow.name))
    return tuple(watch_of(row) for row in rows.scalars())


async def load_destinations(session: AsyncSession) -> dict[str, DestinationConfig]:
    """Return the destinations in force by name."""
    query = select(Destination).where(Destination.retired_at.is_(None)).order_by(Destination.name)
    return {row.name: destination_of(row) for row in (await session.execute(query)).scalars()}


async def rules_mark(session: AsyncSession) -> str:
    """Return a text that differs as soon as any source, watch or destination was changed, added or retired."""
    newest = [select(func.coalesce(func.max(table.change_no), 0)).scalar_subquery() for table in TABLES]
    return ".".join(str(number) for number in (await session.execute(select(*newest))).one())


def source_of(row: Source) -> SourceConfig:
    body = msgspec.json.decode(row.body)
    return msgspec.convert(
        {
            "id": row.id,
            "owner": row.owner,
            "grade": row.grade,
            "area": row.area,
            "rights": row.rights,
            "actor": body.get("actor"),
            "options": body.get("options", {}),
        },
        SourceConfig,
    )


def watch_of(row: WatchRow) -> Watch:
    body = msgspec.json.decode(row.body, type=_WatchBody)
    return Watch(row.name, row.rule, body.triggers, body.destinations, body.cooldown_s, row.version)


def destination_of(row: Destination) -> DestinationConfig:
    body = msgspec.json.decode(row.body)
    return DestinationConfig(
        name=row.name,
        type=row.type,
        url_env=body.get("url_env"),
        token_env=body.get("token_env"),
        options=body.get("options", {}),
    )


async def put_source(writing: WriteSession, source: SourceConfig, *, by_file: bool = False) -> str:
    """Write a source; return "added", "changed" or "same"."""
    values = {
        "owner": source.owner or source.handle,
        "grade": source.grade,
        "area": source.area,
        "rights": source.rights,
        "body": _json({"actor": source.actor, "options": dict(source.options)}),
    }
    return await _put(writing, await writing.session.get(Source, source.id) or Source(id=source.id), values, by_file)


async def put_watch(writing: WriteSession, watch: Watch, *, by_file: bool = False) -> str:
    """Write a watch (its version counts by itself); return "added", "changed" or "same"."""
    body = _WatchBody(watch.triggers, watch.destinations, watch.cooldown_s)
    row = await writing.session.get(WatchRow, watch.name) or WatchRow(name=watch.name)
    return await _put(writing, row, {"rule": watch.rule, "body": msgspec.json.encode(body).decode()}, by_file)


async def put_destination(writing: WriteSession, destination: DestinationConfig, *, by_file: bool = False) -> str:
    """Write a destination, its secrets left as they are; return "added", "changed" or "same"."""
    body = {
        "url_env": destination.url_env,
        "token_env": destination.token_env,
        "options": dict(destination.options),
    }
    row = await writing.session.get(Destination, destination.name) or Destination(name=destination.name)
    return await _put(writing, row, {"type": destination.type, "body": _json(body)}, by_file)


async def retire(writing: WriteSession, row: Row, now: datetime) -> None:
    """Take a source, watch or destination out of force; what it did stays, and so does its row."""
    row.retired_at = now
    row.owned_by_file = False
    row.version += 1
    row.change_no = await writing.change_no()


async def store_watches_version(writing: WriteSession) -> str:
    """Note which set of rules is in force; called after each change of a watch."""
    await writing.session.flush()
    version = watches_version(await load_watches(writing.session) or (ALL_WATCH,))
    await meta.put(writing, "watches_version", version)
    return version


class _WatchBody(msgspec.Struct, frozen=True, omit_defaults=True):
    triggers: Triggers = Triggers()
    destinations: tuple[str, ...] = ()
    cooldown_s: int = Watch("").cooldown_s


async def _put(writing: WriteSession, row: Row, values: Mapping[str, Any], by_file: bool) -> str:
    wanted = {**values, "owned_by_file": by_file, "retired_at": None}
    fresh = row.version is None  # a row that was just made has no version before it is flushed
    if not fresh and all(getattr(row, name) == value for name, value in wanted.items()):
        return "same"
    for name, value in wanted.items():
        setattr(row, name, value)
    row.version = 1 if fresh else row.version + 1
    row.change_no = await writing.change_no()
    writing.session.add(row)
    return "added" if fresh else "changed"


def _tallied(tally: _Tally, table: Table, name: str, outcome: str) -> None:
    tally.named[table].add(name)
    if outcome != "same":
        (tally.added if outcome == "added" else tally.changed).append(f"{_noun(table)} {name}")


async def _retire_unnamed(writing: WriteSession, table: Table, tally: _Tally, now: datetime) -> None:
    query: Select[Any] = select(table).where(table.owned_by_file.is_(True), table.retired_at.is_(None))
    rows = {_name(row): row for row in (await writing.session.execute(query)).scalars()}
    for name in sorted(rows.keys() - tally.named[table]):
        await retire(writing, rows[name], now)
        tally.retired.append(f"{_noun(table)} {name}")


def _check_rules(watches: Sequence[Watch]) -> None:
    for watch in watches:
        try:
            vet_rule(parse_rule(watch.rule), empty_allowed=True)
        except RuleError as error:
            raise SettingsError(f"watch {watch.name!r}: {error.with_caret()}") from error
    try:
        refuse_over_quota(watch.rule for watch in watches)
    except RuleError as error:
        raise SettingsError(error.detail) from error


def _name(row: Row) -> str:
    return row.id if isinstance(row, Source) else row.name


def _noun(table: Table) -> str:
    return table.__tablename__.removesuffix("es" if table is WatchRow else "s")


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode({key: one for key, one in value.items() if one}, order="sorted").decode()
