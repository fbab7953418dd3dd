from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messages import Coverage, Gap
from producers.coverage import CoverageKeeper

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@pytest.fixture
def keeper() -> CoverageKeeper:
    return CoverageKeeper("x", None)


def test_neighbouring_intervals_are_asserted_as_time_goes(keeper: CoverageKeeper) -> None:
    assert keeper.begin(["x:a", "x:b"], at(0), "start", at(0)) == []
    keeper.complete(None, at(1))
    keeper.complete(["x:b"], at(2))
    records, state = keeper.assert_closed(at(2))
    assert records == [Coverage(("x:a",), at(0), at(1), at(2)), Coverage(("x:b",), at(0), at(2), at(2))]
    assert state
    keeper.complete(None, at(3))
    assert keeper.assert_closed(at(3))[0] == [
        Coverage(("x:a",), at(1), at(3), at(3)),
        Coverage(("x:b",), at(2), at(3), at(3)),
    ]


def test_nothing_new_is_no_record(keeper: CoverageKeeper) -> None:
    keeper.begin(["x:a"], at(0), "start", at(0))
    assert keeper.assert_closed(at(1)) == ([], {})


def test_a_gap_runs_from_the_last_complete_time_to_the_new_beginning(keeper: CoverageKeeper) -> None:
    keeper.begin(["x:a"], at(0), "start", at(0))
    keeper.complete(None, at(5))
    keeper.end()
    assert keeper.begin(["x:a"], at(9), "connection lost", at(9)) == [
        Gap(at(5), at(9), "connection lost", at(9), source="x:a")
    ]
    keeper.complete(None, at(10))
    assert [(record.start, record.end) for record in keeper.assert_closed(at(10))[0]] == [
        (at(0), at(5)),
        (at(9), at(10)),
    ]


def test_a_restart_knows_the_last_asserted_end(keeper: CoverageKeeper) -> None:
    keeper.begin(["x:a"], at(0), "start", at(0))
    keeper.complete(None, at(5))
    _, state = keeper.assert_closed(at(5))
    keeper.complete(None, at(6))  # never asserted: lost with the process
    later = CoverageKeeper("x", state["covered:x"])
    assert later.begin(["x:a"], at(60), "restart", at(60)) == [Gap(at(5), at(60), "restart", at(60), source="x:a")]


def test_a_source_that_is_read_again_from_where_it_was_left_has_no_gap(keeper: CoverageKeeper) -> None:
    keeper.begin(["bluesky:a"], at(0), "start", at(0))
    keeper.complete(None, at(5))
    keeper.end()
    assert keeper.begin(["bluesky:a"], at(4.9), "connection lost", at(60)) == []
    keeper.complete(None, at(61))
    records, _ = keeper.assert_closed(at(61))
    covered = sorted((record.start, record.end) for record in records)
    assert covered[0][0] == at(0)
    assert covered[-1][1] == at(61)
    assert all(later[0] <= earlier[1] for earlier, later in pairwise(covered))


def test_a_first_beginning_is_no_gap_and_a_forgotten_source_begins_anew(keeper: CoverageKeeper) -> None:
    keeper.begin(["x:a"], at(0), "start", at(0))
    keeper.complete(None, at(5))
    keeper.forget(["x:a"])
    assert keeper.begin(["x:a"], at(50), "added", at(50)) == []


def test_many_sources_are_split_over_records(keeper: CoverageKeeper) -> None:
    keeper.begin([f"x:{n}" for n in range(1200)], at(0), "start", at(0))
    keeper.complete(None, at(1))
    assert [len(record.sources) for record in keeper.assert_closed(at(1))[0]] == [500, 500, 200]


STEPS = st.lists(st.tuples(st.sampled_from(["begin", "complete", "end", "assert"]), st.integers(0, 20)), max_size=40)


@given(STEPS)
def test_coverage_and_gaps_never_overlap_and_leave_nothing_out(steps: list[tuple[str, int]]) -> None:
    keeper = CoverageKeeper("x", None)
    now, first = 0, None
    covered: list[tuple[datetime, datetime]] = []
    gaps: list[tuple[datetime, datetime]] = []
    for step, passed in [*steps, ("begin", 1), ("complete", 1), ("assert", 0)]:
        now += passed
        match step:
            case "begin":
                first = at(now) if first is None else first
                gaps += [(gap.start, gap.end) for gap in keeper.begin(["x:a"], at(now), "", at(now))]
            case "complete":
                keeper.complete(None, at(now))
            case "end":
                keeper.end()
            case _:
                covered += [(record.start, record.end) for record in keeper.assert_closed(at(now))[0]]
    assert first is not None
    reached = first
    for start, end in sorted(covered + gaps):
        assert start == reached
        reached = end
    assert reached == at(now)
