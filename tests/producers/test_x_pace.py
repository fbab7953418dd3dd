from __future__ import annotations

from producers.x_pace import CONNECTIONS, WINDOW_S, Pace


def test_network_errors_are_answered_at_once_and_then_linearly() -> None:
    pace = Pace()
    pauses = [pace.network() for _ in range(70)]
    assert pauses[:3] == [0.0, 0.25, 0.5]
    assert pauses[-1] == 16.0


def test_http_errors_double_from_five_seconds_to_320() -> None:
    pace = Pace()
    assert [pace.http() for _ in range(8)] == [5, 10, 20, 40, 80, 160, 320, 320]


def test_limits_start_at_a_minute_and_honour_what_x_says_up_to_its_window() -> None:
    pace = Pace()
    assert pace.limited(None) == 60
    assert pace.limited(600) == 600
    assert pace.limited(1e9) == WINDOW_S


def test_a_stream_that_held_starts_afresh_and_one_that_did_not_goes_on() -> None:
    pace = Pace()
    pace.http()
    pace.network()
    pace.steady(5)
    assert pace.http() == 10
    pace.steady(60)
    assert (pace.http(), pace.network()) == (5, 0.0)


def test_connections_never_exceed_the_window() -> None:
    pace = Pace()
    now = 0.0
    made = []
    for _ in range(200):
        now += pace.room(now)
        pace.connected(now)
        made.append(now)
        now += 0.1
    for index, at in enumerate(made):
        assert sum(at - WINDOW_S + 1e-6 < other <= at for other in made[: index + 1]) <= CONNECTIONS
