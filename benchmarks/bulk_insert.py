"""Ways to store a batch of posts, on SQLite and on PostgreSQL: ours (one upsert with many rows) beside the ORM and the driver's COPY.

.venv/bin/python -m benchmarks.bulk_insert [--posts 5000] [--batch 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
from sqlalchemy import delete, insert

from app.db.migrate import upgrade
from app.db.models import Post
from app.db.session import Database, open_database
from app.db.upsert import upsert
from app.messages import Tags
from tests.parts.postgres import PostgresServer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]
Way = Callable[[Database, Sequence[Row]], Awaitable[None]]


def rows(count: int) -> list[Row]:
    text = "Russian air strikes on the eastern side of the town, smoke rising over the market " * 2
    return [
        {
            "id": f"x:{number}", "given_id": str(number), "platform": "x", "author": f"a{number % 50}",
            "author_name": None, "source": f"x:a{number % 50}", "created_at": NOW, "seen_at": NOW, "stored_at": NOW,
            "revised_at": NOW, "deleted_at": None, "content_hash": f"{number:064x}", "text": text, "lang": "en",
            "url": None, "repost_of": None, "quote_of": None, "reply_to": None, "media": [], "flags": [], "marks": [],
            "tags": Tags(lang="en", kind="air_strike", claim="report"), "ingest": f"s:{number}", "change_no": 1,
        }
        for number in range(count)
    ]  # fmt: skip


async def many_row_upsert(database: Database, batch: Sequence[Row]) -> None:
    async with database.write() as writing:
        await upsert(writing.session, Post, batch, ["id"], keep=["stored_at", "seen_at"])


async def plain_insert(database: Database, batch: Sequence[Row]) -> None:
    async with database.write() as writing:
        await writing.session.execute(insert(Post), list(batch))


async def orm_add_all(database: Database, batch: Sequence[Row]) -> None:
    async with database.write() as writing:
        writing.session.add_all([Post(**row) for row in batch])


def copying(url: str) -> Way:
    """Return the driver's COPY into a temporary table, then INSERT ... SELECT ... ON CONFLICT."""

    async def way(database: Database, batch: Sequence[Row]) -> None:
        del database
        await copy_then_upsert(url, batch)

    return way


async def copy_then_upsert(url: str, batch: Sequence[Row]) -> None:
    columns = [column.name for column in Post.__table__.columns]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("CREATE TEMP TABLE incoming (LIKE posts) ON COMMIT DROP")
            records = [tuple(_plain(row[name]) for name in columns) for row in batch]
            await connection.copy_records_to_table("incoming", records=records, columns=columns)
            await connection.execute("INSERT INTO posts SELECT * FROM incoming ON CONFLICT (id) DO NOTHING")
    finally:
        await connection.close()


def _plain(value: object) -> object:
    return "[]" if isinstance(value, list) else "{}" if isinstance(value, Tags) else value


async def measured(database: Database, way: Way, posts: Sequence[Row], size: int) -> float:
    async with database.write() as writing:
        await writing.session.execute(delete(Post))
    began = time.perf_counter()
    for at in range(0, len(posts), size):
        await way(database, posts[at : at + size])
    return (time.perf_counter() - began) / len(posts) * 1e6


async def compare(name: str, url: str, options: argparse.Namespace) -> None:
    await upgrade(url)
    posts = rows(options.posts)
    ways: dict[str, Way] = {
        "upsert, many rows (ours)": many_row_upsert,
        "insert, no conflict clause": plain_insert,
        "ORM add_all": orm_add_all,
    }
    if url.startswith("postgresql"):
        ways["COPY + INSERT ... ON CONFLICT"] = copying(url)
    async with open_database(url, role="run") as database:
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, run in ways.items():
                taken[way].append(await measured(database, run, posts, options.batch))
    ours = median(taken["upsert, many rows (ours)"])
    for way, times in taken.items():
        print(f"{name:10} {way:32} {median(times):7.0f} us/post, {median(times) / ours:.2f} x ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}", options))
    server = PostgresServer()
    try:
        server.start()
        asyncio.run(compare("PostgreSQL", server.create_database("bench"), options))
    finally:
        server.close()


if __name__ == "__main__":
    main()
