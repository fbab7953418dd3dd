"""What held an alert back is counted by its cause."""

from __future__ import annotations

from datetime import timedelta

from app.domain.watches import Triggers, Watch
from app.messages import Marks
from tests.wire import DeskInMemory, Wire, tags


def test_a_trigger_that_does_not_hold_yet() -> None:
    desk, wire = DeskInMemory(watches=[Watch(name="two", triggers=Triggers(origins=2))]), Wire()
    desk.feed(wire.item("1"))
    assert desk.changes.suppressed == {"trigger": 1}

    assert [alert.step for alert in desk.feed(wire.item("2", 5))] == ["first"]
    assert desk.changes.suppressed == {"trigger": 1}


def test_a_cooldown_that_holds_an_update() -> None:
    desk, wire = DeskInMemory(watches=[Watch(name="calm", cooldown_s=3600)]), Wire()
    desk.feed(wire.item("1"), wire.item("2", 5, said=tags(claim="denial")))
    assert desk.steps() == ["first"]
    assert desk.changes.suppressed == {"cooldown": 1}


def test_a_report_that_came_late() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", seen_after=timedelta(days=3)))
    assert desk.alerts == []
    assert desk.changes.suppressed == {"late": 1}


def test_history_and_nothing_else_where_nothing_was_owed() -> None:
    desk, wire = DeskInMemory(), Wire()
    desk.feed(wire.item("1", marks=Marks(history=True)))
    assert desk.changes.suppressed == {"history": 1}

    other, wire = DeskInMemory(), Wire()
    other.feed(wire.item("1"), wire.item("1", 2), wire.item("2", 9, said=tags(claim="none")))
    assert other.changes.suppressed == {}


def test_incidents_opened_are_counted_once_however_many_watches_look() -> None:
    desk, wire = DeskInMemory(watches=[Watch(name="one"), Watch(name="two")]), Wire()
    desk.feed(wire.item("1"), wire.item("2", 5), wire.item("3", 9, marks=Marks(exercise=True)))
    assert desk.changes.opened == {"air_strike": 1}
