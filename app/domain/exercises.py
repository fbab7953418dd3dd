"""Exercises: the watchdog's own post, and how nothing of it ever counts as an event."""

from __future__ import annotations

from app.domain.watches import Watch
from app.messages import Item

NOWHERE = "null:watchdog"  # the built-in destination that takes the watchdog's alerts and shows them to nobody
WATCHDOG = Watch(
    name="(watchdog)", destinations=(NOWHERE,), cooldown_s=0
)  # no name that a file or the API would accept
WATCHDOG_SOURCE = "inbox:watchdog"
WATCHDOG_TEXT = "TEST Russian air strikes on Jisr al-Shughur in the Idlib countryside. End of TEST."


def is_watchdog(item: Item) -> bool:
    """Return whether the item is the watchdog's: the mark cannot come from outside, whatever calls itself by its name."""
    return item.marks.exercise and item.source == WATCHDOG_SOURCE
