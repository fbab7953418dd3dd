"""The accounts that are read on X, by handle and by user id, and the meter that charges what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from app.domain.config import SourceConfig
from producers.intake import Intake, Received
from producers.port import Setup
from producers.x_budget import DELETE_USD, POST_USD, Budget
from producers.x_payloads import XPost
from producers.x_port import Api

KEEP_BUDGET_S = 5.0  # how often the meter is written beside the items
USERS_AT_ONCE = 100
MOST_EDITS = 5_000  # whose first version is remembered
WORDS = "x:words"  # what the stream finds by words: no account, but its gaps are gaps too, and it is paid for
DELETIONS = "x:deletions"  # what tells us of deletions: the activity stream, and lookups where it was away
NO_ACCOUNT = "X knows no account of this name"


class Accounts:
    """The configured accounts, by handle and by user id. Handles are compared in small letters, as X does."""

    def __init__(self, setup: Setup) -> None:
        self.clock = setup.clock
        self.ids = [source.id for source in setup.sources]
        self._by_handle = {_handle(source).lower(): source for source in setup.sources}
        self.user_ids = {
            _handle(source).lower(): str(source.options["user_id"])
            for source in setup.sources
            if source.options.get("user_id")
        }
        self.by_rule = [_handle(s) for s in setup.sources if s.options.get("via") != "activity"]
        self.by_activity = [_handle(s) for s in setup.sources if s.options.get("via") == "activity"]
        self.unknown: frozenset[str] = frozenset()
        self._firsts: dict[str, str] = {}
        self._firsts_kept = True

    def learn(self, user_ids: Mapping[str, str]) -> None:
        """Add what is known of handles (in small letters) and their user ids; what the config says stands."""
        self.user_ids = {**user_ids, **self.user_ids}

    def sources(self, handles: Iterable[str]) -> list[str]:
        return [self._by_handle[handle.lower()].id for handle in handles if handle.lower() in self._by_handle]

    def payer(self, source: str) -> str:
        """Return what a post of this source is charged to: itself, or the words that found it."""
        return source if source in self.ids else WORDS

    def handle_of(self, user_id: str | None) -> str | None:
        return next((handle for handle, known in self.user_ids.items() if known == user_id), None)

    def received(self, post: XPost, raw: bytes, *, gapfill: bool = False) -> Received:
        """Return the item of a post under the source that the config names it by, as it spells it."""
        handle = post.author or self.handle_of(post.author_id)
        source = self._by_handle.get((handle or "").lower())
        author = source.handle if source else handle or post.author_id or "unknown"
        fields = {**post.fields, "author": author, "id": self._first(post)}
        return Received(f"x:{author}", fields, raw, gapfill=gapfill)

    def _first(self, post: XPost) -> str:
        """Return the id of a post's first version, under which we know it: a deletion names a later one and tells no history."""
        first = str(post.fields["id"])
        if first != post.native_id and self._firsts.get(post.native_id) != first:
            self._firsts[post.native_id] = first
            self._firsts_kept = False
            if len(self._firsts) > MOST_EDITS:
                del self._firsts[next(iter(self._firsts))]
        return self._firsts.get(first, first)

    def recall_edits(self, stored: bytes | None) -> None:
        """Take up what `edits` gave before a restart."""
        self._firsts = {**msgspec.json.decode(stored or b"{}", type=dict[str, str]), **self._firsts}

    def edits(self) -> dict[str, bytes]:
        """Return the token that tells the first versions of edited posts, or nothing where it is written already."""
        if self._firsts_kept:
            return {}
        self._firsts_kept = True
        return {"edits": msgspec.json.encode(self._firsts)}

    async def look_up(self, api: Api, intake: Intake, meter: Meter) -> None:
        """Ask X for the user ids that are not known; they are kept, for they are billed. `unknown` are then the sources without one."""
        asking = [handle for handle in self._by_handle if handle not in self.user_ids]
        for first in range(0, len(asking), USERS_AT_ONCE):
            found = await api.users(asking[first : first + USERS_AT_ONCE])
            meter.budget.count_users(len(found), intake.clock.now())
            self.learn(found)
        if asking:
            await intake.take([], {"users": msgspec.json.encode(self.user_ids), "budget": meter.budget.state()})
        self.unknown = frozenset(self.sources(handle for handle in asking if handle not in self.user_ids))
        if self.unknown:
            intake.coverage.end(self.unknown)
            await intake.report(sorted(self.unknown), "refused", NO_ACCOUNT)


class Meter:
    """The budget as readers use it: charges what comes, and is written with it every few seconds."""

    def __init__(self, budget: Budget, intake: Intake) -> None:
        self.budget = budget
        self._intake = intake
        self._kept = intake.clock.monotonic()
        self._unsaved = False
        self._day = ""
        self._told: set[str] = set()
        self._tell_all()

    def charge(self, post: XPost, source: str) -> None:
        deletion = post.fields.get("type") == "delete"
        key = f"-{post.native_id}" if deletion else post.native_id
        self._count(key, source, post.rules, DELETE_USD if deletion else POST_USD)

    def charge_check(self, post: XPost) -> None:
        """Charge a post that was looked up again; on the day on which it was read it costs nothing more."""
        self._count(post.native_id, DELETIONS, (), POST_USD)

    def exhausted(self) -> bool:
        exhausted = self.budget.exhausted(self._intake.clock.now())
        self._tell_all()
        return exhausted

    def _count(self, key: str, source: str, rules: tuple[str, ...], usd: float) -> None:
        self.budget.count_post(key, source, rules, self._intake.clock.now(), usd)
        self._unsaved = True
        self._tell_all()
        self._told.add(source)
        self._intake.spent(source, self.budget.spent.sources.get(source, 0.0))

    def _tell_all(self) -> None:
        """Tell what every source has cost today: once after a start, and once after midnight."""
        if self._day == self.budget.spent.day:
            return
        now = self.budget.spent.sources
        for source in self._told | now.keys():
            self._intake.spent(source, now.get(source, 0.0))
        self._day, self._told = self.budget.spent.day, set(now)

    def state(self, *, at_once: bool = False) -> dict[str, bytes]:
        """Return the token to write with the next items, or nothing when it was written just now or nothing was charged since."""
        now = self._intake.clock.monotonic()
        soon = at_once or now - self._kept >= KEEP_BUDGET_S or self.exhausted()
        if not (self._unsaved and soon):
            return {}
        self._kept, self._unsaved = now, False
        return {"budget": self.budget.state()}


def _handle(source: SourceConfig) -> str:
    return source.handle.removeprefix("@")
