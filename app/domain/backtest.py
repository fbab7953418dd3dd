"""What a rule would have matched among posts that we have: the live matcher run over the past."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from app.domain.rule_match import CompiledRule, PostWords

SHOWN = 20  # hits that are listed, the newest; all are counted
TOO_MANY = 0.2  # of all posts: above this share a rule is called wide


class BacktestHit(msgspec.Struct, frozen=True):
    """A post that would have matched, and why."""

    post: str
    seen_at: datetime
    claim: str
    sentences: tuple[str, ...]


class Backtest(msgspec.Struct, frozen=True):
    """The count of posts looked at and matched, by day (UTC) and claim; `reports` may open incidents, the rest may not."""

    posts: int
    matched: int
    reports: int
    start: datetime | None
    end: datetime | None
    by_day: dict[str, int]
    by_claim: dict[str, int]
    hits: tuple[BacktestHit, ...]
    says: str


class Seen(NamedTuple):
    """A stored post as a backtest takes it."""

    words: PostWords
    seen_at: datetime


def backtest(rule: CompiledRule, posts: Iterable[Seen]) -> Backtest:
    """Run the rule over the posts, in the order given (oldest first): nothing is kept of them but the newest hits."""
    looked_at = 0
    start: datetime | None = None
    end: datetime | None = None
    days: Counter[str] = Counter()
    claims: Counter[str] = Counter()
    hits: deque[BacktestHit] = deque(maxlen=SHOWN)
    for seen in posts:
        looked_at += 1
        start = seen.seen_at if start is None else min(start, seen.seen_at)
        end = seen.seen_at if end is None else max(end, seen.seen_at)
        match = rule.match_words(seen.words)
        if match is None:
            continue
        claim = seen.words.tags.claim
        days[seen.seen_at.date().isoformat()] += 1
        claims[claim] += 1
        hits.append(BacktestHit(seen.words.post.id, seen.seen_at, claim, match.sentences()))
    matched = claims.total()
    return Backtest(
        posts=looked_at,
        matched=matched,
        reports=claims["report"],
        start=start,
        end=end,
        by_day=dict(days),
        by_claim=dict(claims),
        hits=tuple(reversed(hits)),
        says=_summary(looked_at, matched),
    )


def _summary(posts: int, matched: int) -> str:
    says = f"would have matched {matched:,} of {posts:,} posts"
    if posts and matched > TOO_MANY * posts:
        return f"{says}: so wide a rule alerts all the time"
    return says
