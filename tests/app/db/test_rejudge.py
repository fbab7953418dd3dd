"""Open incidents are judged again when a watch has changed: their next post tells each watch what it is owed."""

from __future__ import annotations

import pytest

from app.db.session import Database
from app.domain.watches import Watch
from tests.stored_desk import StoredDesk
from tests.wire import Wire, tags

JISR, OTHER = Watch(name="desk", rule="place:jisr"), Watch(name="desk", rule="place:saraqib")
AFTER = tags(claim="aftermath")  # matches no watch of these tests, so only the first post can be what is judged


@pytest.mark.parametrize("forgets", [True, False])
async def test_watch_that_no_longer_matches_is_withdrawn_at_the_next_post(database: Database, forgets: bool) -> None:
    wire, desk = Wire(), StoredDesk(database, JISR)
    assert await desk.feed([wire.item("1")]) == [("desk", "first")]
    changed = StoredDesk(database, OTHER)
    changed.state = None if forgets else desk.state
    assert await changed.feed([wire.item("2", 5, said=AFTER)]) == [("desk", "withdrawn")]


async def test_new_watch_hears_of_an_open_incident_at_its_next_post(database: Database) -> None:
    wire = Wire()
    assert await StoredDesk(database, OTHER).feed([wire.item("1")]) == []
    desk = StoredDesk(database, OTHER, Watch(name="new", rule="place:jisr"))
    assert await desk.feed([wire.item("2", 5, said=AFTER)]) == [("new", "first")]
    assert await desk.feed([wire.item("3", 6, said=AFTER)]) == []


async def test_deleted_watch_is_not_withdrawn_for_being_deleted_and_still_withdraws(database: Database) -> None:
    wire = Wire()
    await StoredDesk(database, JISR).feed([wire.item("1")])
    desk = StoredDesk(database, Watch(name="new", rule="place:saraqib"))
    assert await desk.feed([wire.item("2", 5, said=AFTER)]) == []
    edit = wire.item("1", 9, said=tags(claim="none", kind="none", at=()), author="author_1", text="I was wrong")
    assert ("desk", "withdrawn") in await desk.feed([edit])
