"""What a process knows of itself: which of its parts work, since when not, and whether its event loop still turns."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Part(NamedTuple):
    """A part of the process: a stage, a producer, the stream, the database. `detail` says what is wrong with it."""

    ok: bool
    detail: str
    since: datetime


class Health:
    """Kept by the runners, read by `/readyz`. A part that nobody spoke of does not exist."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}

    def say(self, name: str, now: datetime, *, ok: bool, detail: str = "") -> None:
        """Note how a part is; `since` stays while nothing changes."""
        before = self.parts.get(name)
        if before is None or (before.ok, before.detail) != (ok, detail):
            self.parts[name] = Part(ok, detail, now)

    @property
    def ready(self) -> bool:
        return all(part.ok for part in self.parts.values())
