"""The topics, as a table: name, key, partitions on a broker, how long records stand."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple


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
