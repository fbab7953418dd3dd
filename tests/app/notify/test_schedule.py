from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notify.schedule import (
    Circuit,
    after_failure,
    expired,
    probe_gap,
    read_retry_after,
    wait_after,
)

NOW = datetime(2018, 9, 4, 14, 2, tzinfo=UTC)


def test_the_waits_are_dense_at_first_and_reach_the_expiry() -> None:
    waits = [wait_after(n, 0.5) for n in range(1, 13)]
    assert waits == [1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600, 7200, 14400]
    assert wait_after(500, 0.5) == 14400


@given(st.integers(1, 100), st.floats(0, 1))
def test_jitter_moves_a_wait_by_at_most_a_tenth(attempts: int, jitter: float) -> None:
    middle = wait_after(attempts, 0.5)
    assert 0.9 * middle <= wait_after(attempts, jitter) <= 1.1 * middle + 1e-9


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *[("30", 30), (" 0 ", 0), ("1000000000", 3600), ("9" * 400, 3600), ("abc", None), ("-5", None)],
        *[("1.5", None), (None, None), ("", None), ("Fri, 99 Foo 2018", None), ("٣٠", None)],
    ],
)
def test_retry_after_is_read_in_seconds_and_capped(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    assert read_retry_after(format_datetime(NOW + timedelta(seconds=90), usegmt=True), NOW) == 90
    assert read_retry_after(format_datetime(NOW - timedelta(days=9), usegmt=True), NOW) == 0
    assert read_retry_after(format_datetime(NOW + timedelta(days=9), usegmt=True), NOW) == 3600


def test_a_destination_is_down_after_three_failures_and_then_probed_once_a_minute() -> None:
    circuit = Circuit()
    for _ in range(2):
        circuit = after_failure(circuit, NOW, refused=False, retry_after=None)
        assert not circuit.paused(NOW)
    for minute in range(5):
        now = NOW + timedelta(minutes=minute)
        circuit = after_failure(circuit, now, refused=False, retry_after=None)
        assert circuit.down
        assert circuit.paused(now + timedelta(seconds=59.9))
        assert not circuit.paused(now + timedelta(seconds=60))


def test_probes_thin_out_as_an_outage_goes_on() -> None:
    gaps = [probe_gap(timedelta(hours=hours)) for hours in (0, 1.9, 2, 11.9, 12, 100)]
    assert gaps == [60, 60, 300, 300, 900, 900]


def test_what_the_other_side_asks_for_outlasts_the_probe() -> None:
    circuit = after_failure(Circuit(), NOW, refused=False, retry_after=600)
    assert circuit.paused(NOW + timedelta(seconds=599))
    assert not circuit.paused(NOW + timedelta(seconds=600))


def test_a_destination_dies_of_twenty_refusals_in_a_row_or_of_72_hours_away() -> None:
    circuit = Circuit()
    for _ in range(19):
        circuit = after_failure(circuit, NOW, refused=True, retry_after=None)
    assert not circuit.dead(NOW)
    assert after_failure(circuit, NOW, refused=True, retry_after=None).dead(NOW)
    away = after_failure(circuit, NOW, refused=False, retry_after=None)
    assert not away.dead(NOW + timedelta(hours=71))
    assert away.dead(NOW + timedelta(hours=72))


def test_an_alert_expires_after_72_hours() -> None:
    assert not expired(NOW, NOW + timedelta(hours=71, minutes=59))
    assert expired(NOW, NOW + timedelta(hours=72))
