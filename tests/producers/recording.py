"""Reading back what a producer put on the topic."""

from __future__ import annotations

from typing import TypeVar

from app.messages import Item, Post, Record, decode
from app.streams.sqlite_log import SqliteLog
from app.streams.topics import POSTS

T = TypeVar("T")


async def records(log: SqliteLog) -> list[Record]:
    """Return every record of the topic `posts` that still stands, in order."""
    bounds = await log.bounds(POSTS.name)
    _, found = await log.fetch(POSTS.name, bounds.oldest, 1_000_000)
    return [decode(record.value) for record in found]


async def of_type(log: SqliteLog, kind: type[T]) -> list[T]:
    return [record for record in await records(log) if isinstance(record, kind)]


async def posts(log: SqliteLog) -> list[Post]:
    return [item.post for item in await of_type(log, Item) if item.post is not None]
