"""The database as one file that any engine can take back: every table as JSON lines, of one snapshot, with a trailer that proves it whole.

A restored database gets a new cursor epoch, and its offsets are those of the snapshot: the stream is read again from there by itself.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from sqlalchemy import Column, LargeBinary, Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import meta
from app.db.migrate import head, revision, upgrade
from app.db.models import Base
from app.db.session import Database, open_database
from app.db.types import Body, UtcDateTime
from app.errors import DamagedError, UserError

FORMAT = "watchdesk-backup-1"
CHUNK = 500

ShowProgress = Callable[[str, int], None]


class _Head(msgspec.Struct):
    format: str
    revision: str
    taken_at: datetime


class _Rows(msgspec.Struct):
    table: str
    rows: list[dict[str, Any]]


class _Trailer(msgspec.Struct):
    counts: dict[str, int]


async def back_up(database: Database, url: str, target: Path, now: datetime, show: ShowProgress) -> dict[str, int]:
    """Write the database to `target` (gzipped JSON lines) and return the rows per table; the file appears only when it is whole."""
    partial = target.with_name(target.name + ".partial")
    counts: dict[str, int] = {}
    stands_at = await revision(url)
    try:
        with gzip.open(partial, "wb", compresslevel=3) as file:
            out = cast("BinaryIO", file)
            _line(out, _Head(FORMAT, stands_at or "", now))
            async with database.read() as session:
                for table in Base.metadata.sorted_tables:
                    name = str(table.name)
                    counts[name] = 0
                    async for rows in _read(session, table):
                        _line(out, _Rows(name, rows))
                        counts[name] += len(rows)
                        show(name, counts[name])
            _line(out, _Trailer(counts))
        partial.replace(target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return counts


async def restore(url: str, source: Path, show: ShowProgress) -> dict[str, int]:
    """Fill an empty database from a backup, in one transaction, and return the rows per table.

    Raises UserError where the database holds anything or the file is of another kind, DamagedError where the file is not whole.
    """
    lines = _lines(source)
    first = next(lines, None)
    if not isinstance(first, _Head) or first.format != FORMAT:
        raise UserError(f"{source} is no backup of watchdesk")
    if await revision(url) not in {None, first.revision, head()}:
        raise UserError("the database is at another revision than this build: restore into an empty one")
    await upgrade(url, first.revision or "head")
    counts: dict[str, int] = {}
    async with open_database(url, role="cli") as database, database.write() as writing:
        await _demand_empty(writing.session)
        whole = False
        for line in lines:
            if isinstance(line, _Trailer):
                whole = line.counts == counts | {name: 0 for name, count in line.counts.items() if not count}
            elif isinstance(line, _Rows):
                await _write(writing.session, Base.metadata.tables[line.table], line.rows)
                counts[line.table] = counts.get(line.table, 0) + len(line.rows)
                show(line.table, counts[line.table])
        if not whole:
            raise DamagedError(f"{source} is not whole: it ends before its trailer. Nothing was restored.")
        await meta.new_epoch(writing)
        await meta.put(writing, meta.CATCHING_UP, first.taken_at.isoformat())
    await upgrade(url)
    return counts


async def _demand_empty(session: AsyncSession) -> None:
    for table in Base.metadata.sorted_tables:
        if table.name == "meta":
            await session.execute(table.delete())
        elif await session.scalar(select(func.count()).select_from(table)):
            raise UserError(f"the database already holds {table.name}: restore into an empty one")


async def _read(session: AsyncSession, table: Table) -> AsyncIterator[list[dict[str, Any]]]:
    result = await session.stream(select(table).order_by(*table.primary_key.columns))
    async for rows in result.mappings().partitions(CHUNK):
        yield [{str(name): value for name, value in row.items()} for row in rows]


async def _write(session: AsyncSession, table: Table, rows: list[dict[str, Any]]) -> None:
    columns = {column.name: column for column in table.columns}
    values = [{name: _value(columns[name], value) for name, value in row.items() if name in columns} for row in rows]
    await session.execute(insert(table), values)


def _value(column: Column[Any], value: Any) -> Any:
    """Return a value of JSON as the type of its column wants it."""
    kind = column.type
    if value is None:
        return None
    if isinstance(kind, UtcDateTime):
        return msgspec.convert(value, datetime)
    if isinstance(kind, Body):
        return msgspec.convert(value, kind.type_)
    if isinstance(kind, LargeBinary):
        return msgspec.convert(value, bytes)
    return value


def _line(file: BinaryIO, value: _Head | _Rows | _Trailer) -> None:
    file.write(msgspec.json.encode(value) + b"\n")


def _lines(source: Path) -> Iterator[_Head | _Rows | _Trailer]:
    """Yield the lines; a file that breaks off or is no gzip ends here, without a trailer."""
    try:
        with gzip.open(source, "rb") as file:
            for number, raw in enumerate(file):
                if number == 0:
                    yield msgspec.json.decode(raw, type=_Head)
                elif raw.startswith(b'{"table"'):
                    yield msgspec.json.decode(raw, type=_Rows)
                else:
                    yield msgspec.json.decode(raw, type=_Trailer)
    except FileNotFoundError:
        raise UserError(f"there is no file {source}") from None
    except (OSError, EOFError, msgspec.DecodeError):
        return
