"""What reading X has cost today, by source and by rule, and the daily ceiling. Prices are those of pay-per-use, in US dollars."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

POST_USD = 0.005  # read by stream, search or timeline, or a `post.create` event
DELETE_USD = 0.005  # X's price list says free, its Activity guide says a post: counted, so that a bill is never higher than the meter
USER_USD = 0.010
DAY = timedelta(days=1)
MOST_IDS = 200_000


class Spending(msgspec.Struct):
    """One UTC day."""

    day: str = ""
    total: float = 0.0
    sources: dict[str, float] = {}
    rules: dict[str, float] = {}


class Budget:
    """The meter. `ceiling` None: no limit. X charges a post once a UTC day; after a restart one may be counted twice, never too few."""

    def __init__(self, ceiling: float | None, stored: bytes | None) -> None:
        self.ceiling = ceiling
        self.spent = msgspec.json.decode(stored, type=Spending) if stored else Spending()
        self._seen: set[str] = set()

    def count_post(
        self, native_id: str, source: str, rules: tuple[str, ...], now: datetime, usd: float = POST_USD
    ) -> None:
        """Charge a post to its source and, in equal parts, to the rules that fetched it; nothing where it was paid for today."""
        self._turn(now)
        if native_id in self._seen:
            return
        if len(self._seen) < MOST_IDS:
            self._seen.add(native_id)
        self._charge(source, rules, usd)

    def count_users(self, number: int, now: datetime) -> None:
        self._turn(now)
        self._charge("x:users", (), number * USER_USD)

    def exhausted(self, now: datetime) -> bool:
        """Say whether the ceiling is reached."""
        self._turn(now)
        return self.ceiling is not None and self.spent.total >= self.ceiling - 1e-9

    def left(self, now: datetime) -> int | None:
        """Return how many more posts the day's ceiling allows; None without a ceiling."""
        self._turn(now)
        return None if self.ceiling is None else max(0, int((self.ceiling - self.spent.total) / POST_USD + 1e-6))

    def share_left(self, source: str, share: float, most: int, now: datetime) -> int:
        """Return how many more posts `source` may read today: `share` of the ceiling (`most` where there is none), within what is left."""
        self._turn(now)
        spent = self.spent.sources.get(source, 0.0)
        allowed = most * POST_USD if self.ceiling is None else self.ceiling * share
        own = max(0, int((allowed - spent) / POST_USD + 1e-6))
        left = self.left(now)
        return own if left is None else min(own, left)

    def said(self) -> str:
        return f"the daily ceiling of ${self.ceiling:.2f} is reached; reading goes on at 00:00 UTC"

    def state(self) -> bytes:
        return msgspec.json.encode(self.spent)

    @staticmethod
    def until_tomorrow(now: datetime) -> float:
        """Return the seconds to the next UTC day."""
        tomorrow = (now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
        return (tomorrow - now).total_seconds()

    def _turn(self, now: datetime) -> None:
        day = now.astimezone(UTC).date().isoformat()
        if self.spent.day != day:
            self.spent = Spending(day=day)
            self._seen.clear()

    def _charge(self, source: str, rules: tuple[str, ...], usd: float) -> None:
        spent = self.spent
        spent.total += usd
        spent.sources[source] = spent.sources.get(source, 0.0) + usd
        for rule in rules:
            spent.rules[rule] = spent.rules.get(rule, 0.0) + usd / len(rules)
