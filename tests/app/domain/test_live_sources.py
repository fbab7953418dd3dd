from __future__ import annotations

from app.domain.grades import SourceBook
from app.domain.live_sources import sources_live
from app.messages import SourceState
from tests.wire import NOON, DeskInMemory, Wire, card


def said(source: str, state: str) -> SourceState:
    return SourceState(source, state, NOON)


def test_only_configured_sources_count_and_only_those_that_are_live() -> None:
    book = SourceBook([card("Ward", "Ward"), card("b", "B"), card("c", "C")])
    assert sources_live(book, {"x:ward": "live", "x:b": "paused", "x:stranger": "live"}) == "1 of 3 sources live"


def test_nothing_is_said_where_nobody_has_said_anything() -> None:
    assert sources_live(SourceBook(), {"x:ward": "live"}) is None
    assert sources_live(SourceBook([card("ward", "Ward")]), {"x:other": "live"}) is None
    assert sources_live(SourceBook([card("ward", "Ward")]), {"x:ward": "stopped"}) == "0 of 1 source live"


def test_every_alert_says_how_many_sources_were_live_when_it_was_decided() -> None:
    wire, desk = Wire(), DeskInMemory(card("author_1", "One"), card("author_2", "Two"))
    desk.feed(said("x:Author_1", "live"), said("x:author_2", "live"), wire.item("1", 0, "author_1"))
    desk.feed(said("x:author_1", "refused"), wire.item("2", 9, "author_2"))
    assert [alert.reasons[-1] for alert in desk.alerts] == ["2 of 2 sources live", "1 of 2 sources live"]


def test_a_replay_says_nothing_of_sources() -> None:
    wire, desk = Wire(), DeskInMemory(card("author_1", "One"))
    (alert,) = desk.feed(said("x:author_1", "live"), wire.item("1", run="recorded"))
    assert not any("sources live" in reason for reason in alert.reasons)
