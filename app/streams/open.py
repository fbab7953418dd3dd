"""Which stream the settings mean."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from app.clock import Clock
from app.streams.port import Stream
from app.streams.settings import StreamSettings
from app.streams.sqlite_log import open_sqlite_log


def open_stream(settings: StreamSettings, clock: Clock) -> AbstractAsyncContextManager[Stream]:
    """Open the stream that the settings name: the embedded log in the home, or a broker."""
    return open_sqlite_log(settings.file, clock)
