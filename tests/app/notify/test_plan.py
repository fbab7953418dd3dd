from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.notify.plan import DIGEST_MAX, Due, plan

NOW = datetime(2018, 9, 4, 14, 2, tzinfo=UTC)


def due(name: str, *, incident: str = "", severity: int = 1, age_s: float = 0, order: int = 0) -> Due:
    return Due(name, incident or name, severity, NOW - timedelta(seconds=age_s), order)


def names(groups: tuple[tuple[Due, ...], ...]) -> list[list[str]]:
    return [[one.id for one in group] for group in groups]


def test_severe_goes_before_slight_and_fresh_before_stale() -> None:
    rows = [due("old", age_s=50), due("new"), due("severe-old", severity=3, age_s=60), due("severe-new", severity=3)]
    made = plan(rows, NOW, gathers=False, digest_after=20, limit=10)
    assert names(made.single) == [["severe-new"], ["severe-old"], ["new"], ["old"]]


def test_alerts_of_one_incident_keep_their_order() -> None:
    rows = [
        due("withdrawn", incident="a", order=3),
        due("first", incident="a", age_s=9, order=1),
        due("promoted", incident="a", severity=3, age_s=5, order=2),
        due("other", severity=2),
    ]
    sent = []
    while rows:
        made = plan(rows, NOW, gathers=False, digest_after=20, limit=10)
        sent.append([one.id for group in made.single for one in group])
        rows = [one for one in rows if one.id not in sent[-1]]
    assert sent == [["first", "other"], ["promoted"], ["withdrawn"]]


def test_where_people_read_the_alerts_of_an_incident_become_one_message() -> None:
    rows = [due("b", incident="a", order=2), due("a", incident="a", age_s=5, order=1), due("c", age_s=1)]
    made = plan(rows, NOW, gathers=True, digest_after=20, limit=10)
    assert names(made.single) == [["a", "b"], ["c"]]


def test_a_backlog_is_a_digest_once_the_fresh_alerts_are_out() -> None:
    backlog = [due(f"s{n}", age_s=1000 + n) for n in range(50)]
    made = plan([*backlog, due("fresh")], NOW, gathers=True, digest_after=20, limit=10)
    assert names(made.single) == [["fresh"]]
    made = plan(backlog, NOW, gathers=True, digest_after=20, limit=10)
    assert (len(made.digest), made.single) == (50, ())


def test_a_flood_of_fresh_alerts_is_a_digest_too() -> None:
    made = plan([due(f"f{n}") for n in range(60)], NOW, gathers=True, digest_after=20, limit=10)
    assert len(made.digest) == 60


def test_machines_get_every_alert_for_itself() -> None:
    made = plan([due(f"s{n}", age_s=9999) for n in range(50)], NOW, gathers=False, digest_after=20, limit=4)
    assert (len(made.single), made.digest) == (4, ())


rows = st.lists(
    st.builds(
        Due,
        id=st.uuids().map(str),
        incident=st.sampled_from(["a", "b", "c", "d", ""]),
        severity=st.integers(0, 5),
        created_at=st.integers(0, 9999).map(lambda s: NOW - timedelta(seconds=s)),
        order=st.integers(0, 99),
    ),
    max_size=80,
    unique_by=lambda one: one.id,
)


@given(rows, st.booleans(), st.integers(1, 30), st.integers(1, 8))
def test_every_row_goes_out_once_and_the_plan_ends(
    waiting: list[Due], gathers: bool, digest_after: int, limit: int
) -> None:
    left = list(waiting)
    sent: list[str] = []
    while left:
        made = plan(left, NOW, gathers=gathers, digest_after=digest_after, limit=limit)
        taken = {one.id for group in made.single for one in group} | {one.id for one in made.digest}
        assert taken
        assert len(made.single) <= limit
        assert not (made.single and made.digest)
        sent.extend(taken)
        left = [one for one in left if one.id not in taken]
    assert sorted(sent) == sorted(one.id for one in waiting)


def test_a_digest_is_bounded_but_takes_an_incident_whole() -> None:
    big = [due(f"n{n}", incident="a", age_s=500, order=n) for n in range(DIGEST_MAX + 50)]
    assert len(plan(big, NOW, gathers=True, digest_after=20, limit=1).digest) == DIGEST_MAX + 50
    many = [due(f"n{n}", age_s=500) for n in range(DIGEST_MAX + 50)]
    assert len(plan(many, NOW, gathers=True, digest_after=20, limit=1).digest) == DIGEST_MAX
