"""What every producer is: a name, the sources that it reads, and `read`, which the runner calls again whenever it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from app.clock import Clock
from app.db.session import Database
from app.domain.config import SourceConfig
from app.errors import WatchdeskError
from app.outbound.targets import OutboundPolicy
from producers.intake import Intake

REFUSED_S = 900.0  # before a source that refused us is asked again: nobody fixes a token in less


class Lost(WatchdeskError):  # noqa: N818 - an instruction to the runner: read again after a pause
    """The connection to the source ended.

    `retry_after` is the pause that the other side asked for, or that its rules demand; None leaves it to the runner.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class Refused(WatchdeskError):  # noqa: N818 - same
    """The source does not let us in: a wrong token, no permission, no credit. Told once, tried again rarely."""

    def __init__(self, detail: str, *, retry_after: float = REFUSED_S) -> None:
        self.retry_after = retry_after
        super().__init__(detail)


class Producer(Protocol):
    """Reads the sources of one platform. One line in `producers.roster` makes it known.

    The resume token lives in the spool, written with the items that it covers; edits and deletions are items; coverage is said through
    the intake; the cost model and the pace of reconnects are the producer's own.
    """

    @property
    def name(self) -> str: ...

    @property
    def source_ids(self) -> frozenset[str]:
        """The sources that it reads as it now stands."""
        ...

    async def read(self, intake: Intake) -> None:
        """Connect and read until the connection ends: raise Lost or Refused, return when there is nothing to read at all.

        Cancelling stops it within 2 s.
        """
        ...


@dataclass(frozen=True)
class Setup:
    """What a producer may use to make itself. `secret` returns the value of a variable that the config names, None where it is not set."""

    sources: Sequence[SourceConfig]
    section: Mapping[str, Any]
    secret: Callable[[str], str | None]
    clock: Clock
    policy: OutboundPolicy
    home: Path
    database: Database | None = None
    rules: Sequence[str] = field(default=())
    """Rules of the desk's watches in X's own form, for producers that can ask a platform for words."""
    trial: bool = False
    """It is only tried: show the newest posts, and change nothing upstream, where a running desk may hold rules and connections."""
    words: frozenset[str] = frozenset()
    """Words of the watches in their match form, for producers that sift a stream themselves."""
