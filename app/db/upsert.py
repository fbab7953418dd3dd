"""INSERT ... ON CONFLICT for both engines: the one statement that SQLAlchemy spells per dialect."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.models import Base

Row = Mapping[str, Any]


async def upsert(
    session: AsyncSession, table: type[Base], rows: Sequence[Row], keys: Collection[str], *, keep: Collection[str] = ()
) -> None:
    """Insert the rows; where one with the same `keys` stands, take over every column but those in `keep`."""
    if not rows:
        return
    dialect = session.get_bind().dialect.name
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    taken = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    if taken:
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=taken)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    await session.execute(statement, list(rows))


async def insert_new(session: AsyncSession, table: type[Base], rows: Sequence[Row], keys: Collection[str]) -> None:
    """Insert the rows that do not stand yet; leave the others as they are."""
    if rows:
        await upsert(session, table, rows, keys, keep=rows[0].keys())
