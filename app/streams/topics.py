"""The topics, as a table: name, key, partitions on a broker, how long records stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from app.errors import Invalid, Reason
from app.messages import MAX_RECORD_BYTES
from app.streams.port import Outgoing


class Topic(NamedTuple):
    """`name` is the one on Kafka and in the embedded log; `partitions` counts on Kafka only, the embedded log has one."""

    name: str
    keyed_by: str
    partitions: int
    retention: timedelta


POSTS = Topic("watchdesk.posts.v1", "source; in a replay, the run", 6, timedelta(days=7))
TAGGED = Topic("watchdesk.tagged.v1", "source; in a replay, the run", 1, timedelta(days=7))
ALERTS = Topic("watchdesk.alerts.v1", "incident", 1, timedelta(days=30))

TOPICS = (POSTS, TAGGED, ALERTS)

DEFAULT_RETENTION = timedelta(days=7)  # of a topic that this table does not name, such as the one of a spool


def retention_of(name: str, days: int | None = None) -> timedelta:
    """Return how long records of a topic stand. `days` is what the settings say of everything that holds texts of posts."""
    if days is not None and name != ALERTS.name:
        return timedelta(days=days)
    return next((topic.retention for topic in TOPICS if topic.name == name), DEFAULT_RETENTION)


def check_sizes(topic: str, records: Sequence[Outgoing]) -> None:
    """Raise Invalid before anything is sent when a record is larger than every adapter takes: a broker's own refusal comes too late."""
    for key, value in records:
        if len(key) + len(value) > MAX_RECORD_BYTES:
            detail = f"a record of {len(value)} bytes for {topic} exceeds {MAX_RECORD_BYTES}"
            raise Invalid(Reason.TOO_LARGE, detail)
