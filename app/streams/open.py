"""Which stream the settings mean."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from app.clock import Clock
from app.streams.kafka_stream import open_kafka
from app.streams.port import Stream
from app.streams.settings import StreamSettings
from app.streams.sqlite_log import open_sqlite_log
from app.streams.topics import TOPICS, Topic


def open_stream(
    settings: StreamSettings, clock: Clock, topics: Sequence[Topic] = TOPICS
) -> AbstractAsyncContextManager[Stream]:
    """Open the stream that the settings name: the embedded log in the home, or a broker, on which `topics` are made or checked."""
    if settings.kafka is not None:
        return open_kafka(settings, clock, topics)
    return open_sqlite_log(settings.file, clock, retention_days=settings.retention_days)
