from __future__ import annotations

from app.api.limits import CALLERS, Buckets, Rate


def test_a_burst_passes_and_then_the_rate_holds() -> None:
    buckets = Buckets(Rate(2.0, 5))
    assert [buckets.take("a", 0.0) for _ in range(6)] == [None] * 5 + [1]
    assert buckets.take("a", 0.5) is None
    assert buckets.take("a", 0.5) == 1
    assert buckets.take("b", 0.5) is None


def test_waiting_fills_no_more_than_the_burst() -> None:
    buckets = Buckets(Rate(1.0, 2))
    assert [buckets.take("a", moment) for moment in (0.0, 1000.0, 1000.0, 1000.0)] == [None, None, None, 1]


def test_buckets_are_bounded() -> None:
    buckets = Buckets(Rate(0.001, 1))
    assert buckets.take("first", 0.0) is None
    assert buckets.take("first", 0.0) is not None
    for caller in range(CALLERS):
        buckets.take(str(caller), 0.0)
    assert buckets.take("first", 0.0) is None
