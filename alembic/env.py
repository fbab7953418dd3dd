"""What alembic runs: on the connection that app/db/migrate.py hands over, or on WATCHDESK_DATABASE_URL from the command line."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app.db.models import Base
from app.db.session import async_url
from app.db.types import Body, UtcDateTime


def render_item(kind: str, item: object, autogen_context: AutogenContext) -> str | bool:
    """Write our column types into migrations: JSON bodies as the text they are, times as UtcDateTime, which differs by database."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        autogen_context.imports.add("from app.db.types import UtcDateTime")
        return "UtcDateTime()"
    if isinstance(item, Body):
        return "sa.Text()"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=True,
        render_item=render_item,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def migrate_alone() -> None:
    engine = create_async_engine(async_url(os.environ.get("WATCHDESK_DATABASE_URL", "sqlite:///var/watchdesk.db")))
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(migrate_alone())
else:
    migrate(given)
