"""What a batch changed: everything that its one transaction has to write."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import msgspec

from app.domain.ledger import Outcome
from app.domain.watches import Watch
from app.messages import AlertMessage, Coverage, Gap, IncidentView, Ingest, Item, Post, SourceState, SpoolHead, Tags


class TakenPost(msgspec.Struct, frozen=True):
    """A revision that the desk took: `in_force` unless a later one stands; `deleted` makes the post a tombstone.

    `created_at` is that of the post's first revision.
    """

    post: Post
    tags: Tags | None
    content_hash: str
    revised_at: datetime
    in_force: bool
    deleted: bool
    item: Item
    created_at: datetime | None = None


class RaisedAlert(msgspec.Struct, frozen=True):
    """An alert with the incident as it stood, the watch that decides where it goes, and whether it may leave at all."""

    alert: AlertMessage
    view: IncidentView
    watch: Watch
    deliver: bool
    exercise: bool


class LostRecords(msgspec.Struct, frozen=True):
    """Records of the log that nobody read, or a log that is not the one we left."""

    start: datetime
    end: datetime
    reason: str


class Changes:
    """Collected while a batch is decided, in the order of the records."""

    def __init__(self) -> None:
        self.taken: list[TakenPost] = []
        self.quarantined: list[Item] = []
        self.incidents: dict[str, None] = {}
        self.told: dict[tuple[str, str], None] = {}
        self.alerts: list[RaisedAlert] = []
        self.outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
        self.coverage: list[Coverage] = []
        self.covered: dict[str, None] = {}
        self.gaps: list[Gap] = []
        self.lost: list[LostRecords] = []
        self.runs: dict[str, bool] = {}  # True where the run began in this batch
        self.placed: dict[tuple[str, str], None] = {}
        self.states: dict[str, SourceState] = {}
        self.heads: dict[str, SpoolHead] = {}
        self.waiting: dict[str, None] = {}
        self.last_posts: dict[str, list[datetime]] = defaultdict(list)
        self.suppressed: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()  # incidents by kind, exercises left out

    def count(self, ingest: Ingest, outcome: Outcome) -> None:
        self.outcomes[ingest.spool][outcome] += 1
