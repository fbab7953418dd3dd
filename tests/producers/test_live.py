from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.db.models import Source, SourceStatus
from app.db.sources import KnownSource
from app.domain.watches import Watch
from producers.live import is_silent, words_of, x_rules

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_watches_become_rules_for_x_and_words_for_streams_that_are_sifted_here() -> None:
    watches = [
        Watch("strikes", '(airstrike OR "air strike") Idlib -drill'),
        Watch("kinds", "kind:air_strike"),
        Watch("all"),
        Watch("tags", "#RuAF"),
    ]
    rules = x_rules(watches)
    assert any("airstrike" in rule and "Idlib" in rule for rule in rules)
    assert any("#RuAF" in rule for rule in rules)
    assert not any("kind:" in rule for rule in rules)
    assert {"airstrike", "idlib", "ruaf"} <= words_of(watches)
    assert "drill" not in words_of(watches)
    assert words_of([Watch("all")]) == frozenset()


@pytest.mark.parametrize(("hours", "retired", "silent"), [(1, False, False), (30, False, True), (30, True, False)])
def test_a_configured_source_that_is_quiet_beyond_its_habit_is_silent(
    hours: float, retired: bool, silent: bool
) -> None:
    row = Source(id="x:ridge", owner="Ridge", grade="B", area=None, rights="full", body="{}")
    row.retired_at = NOW if retired else None
    status = SourceStatus(source="x:ridge", state="live", posts=100, usual_gap_s=3600.0)
    status.last_post_at = NOW - timedelta(hours=hours)
    assert is_silent(KnownSource("x:ridge", row, status, None, 0), NOW) == silent


def test_an_author_that_nobody_configured_is_never_called_silent() -> None:
    assert not is_silent(KnownSource("x:passer_by", None, None, None, 0), NOW)
