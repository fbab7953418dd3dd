"""A desk's standing rules, and when a hit becomes an alert."""

from __future__ import annotations

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
MAX_NAME = 100


class Triggers(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an incident must reach before the watch raises an alert; those that are given must not all hold, one is enough.

    All empty: it fires at the first report. `origins`: so many independent ones; `lull_days`: first after so many quiet days;
    `killed`: at least so many; `burst_posts` within `burst_minutes`.
    """

    origins: Count | None = None
    lull_days: Count | None = None
    killed: Count | None = None
    burst_posts: Count | None = None
    burst_minutes: Count = 30

    @property
    def empty(self) -> bool:
        return (self.origins, self.lull_days, self.killed, self.burst_posts) == (None, None, None, None)


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A standing rule. The name is its id; the empty rule means everything that may open an incident; a cooldown holds back `updated` only."""

    name: str
    rule: str = ""
    triggers: Triggers = Triggers()
    destinations: tuple[str, ...] = ()
    cooldown_s: int = 600
    version: int = 1


ALL_WATCH = Watch(name="all")
