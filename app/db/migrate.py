"""Brings a database to the schema of this build, and says at which revision it stands."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.db.revisions import refuse_unknown, scripts
from app.db.session import WRITER_LOCK, async_url, switch_to_wal, translate
from app.errors import SchemaError


def alembic_config() -> Config:
    """Return alembic's configuration; its scripts stand beside the code, in a wheel inside it."""
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """Return the revision that this build expects."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


async def upgrade(url: str, target: str = "head") -> str:
    """Bring the database at `url` to `target`, creating the SQLite file where there is none, and return the revision.

    All or nothing, under the writer lock. Raises SchemaError where the database was written by a newer build.
    """
    return await _migrate(url, target, up=True)


async def downgrade(url: str, target: str) -> str:
    """Take the database at `url` back to `target` ("base" empties it), and return the revision."""
    return await _migrate(url, target, up=False)


async def revision(url: str) -> str | None:
    """Return the revision of the database at `url`; None where it holds nothing of ours."""
    engine = _engine(async_url(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_current)
    except Exception as error:
        raise translate(error) or error from error
    finally:
        await engine.dispose()


async def check(url: str) -> None:
    """Raise SchemaError unless the database stands exactly at the revision of this build."""
    _demand_head(await revision(url))


async def check_in(session: AsyncSession) -> None:
    """Raise SchemaError unless the database that the session reads stands exactly at the revision of this build."""
    _demand_head(await session.run_sync(lambda sync: _current(sync.connection())))


def _demand_head(found: str | None) -> None:
    refuse_unknown(found)
    if found != head():
        raise SchemaError(
            f"The database is at revision {found or 'none'}, this build needs {head()}: run `watchdesk migrate`"
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def _migrate(url: str, target: str, *, up: bool) -> str:
    engine = _engine(async_url(url))

    def run(connection: Connection) -> str:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
        refuse_unknown(_current(connection))
        config = alembic_config()
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, target)
        return _current(connection) or "base"

    try:
        async with engine.begin() as connection:
            return await connection.run_sync(run)
    except Exception as error:
        raise translate(error) or error from error
    finally:
        await engine.dispose()


def _engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, poolclass=NullPool)
    if url.get_backend_name() == "sqlite":

        def configure(connection: object, record: object) -> None:
            del record
            connection.isolation_level = None  # type: ignore[attr-defined]
            switch_to_wal(connection)

        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        event.listen(engine.sync_engine, "connect", configure)
        event.listen(engine.sync_engine, "begin", begin)
    return engine
