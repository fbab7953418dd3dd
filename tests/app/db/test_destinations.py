from __future__ import annotations

from datetime import timedelta

from app.db import destinations
from app.db.config import put_destination, put_source
from app.db.models import DestinationState, LiveMessage, SourceStatus
from app.db.session import Database
from app.domain.config import DestinationConfig, SourceConfig
from tests.rows import NOON, store


async def test_a_destination_that_was_switched_off_starts_afresh(database: Database) -> None:
    async with database.write() as writing:
        await put_destination(writing, DestinationConfig("a", "null"))
        assert not await destinations.enable(writing, "a")
        state = DestinationState(destination="a", failures=9, refusals=9, failing_since=NOON, disabled_at=NOON)
        await destinations.put_state(writing, state)
    async with database.write() as writing:
        assert await destinations.enable(writing, "a")
    async with database.read() as session:
        held = (await destinations.states(session))["a"]
    assert (held.failures, held.refusals, held.failing_since, held.disabled_at) == (0, 0, None, None)


async def test_a_new_secret_keeps_the_one_before_it(database: Database) -> None:
    async with database.write() as writing:
        await put_destination(writing, DestinationConfig("a", "webhook"))
        await destinations.rotate_secret(writing, "a", "one", NOON)
        await destinations.rotate_secret(writing, "a", "two", NOON)
    async with database.read() as session:
        found = await destinations.get(session, "a")
        assert found is not None
        assert (found.destination.secret, found.destination.old_secret) == ("two", "one")
        assert await destinations.get(session, "b") is None
        assert await destinations.active_names(session) == ["a"]


async def test_the_live_message_of_an_incident_is_the_last_one_noted(database: Database) -> None:
    for reference in ("C1:1", "C1:2"):
        async with database.write() as writing:
            live = LiveMessage(destination="a", incident_id="i", reference=reference, level="likely", updated_at=NOON)
            await destinations.put_live_message(writing, live)
    async with database.read() as session:
        held = await destinations.live_message(session, "a", "i")
    assert held is not None
    assert held.reference == "C1:2"


async def test_live_sources_are_counted_among_those_configured(database: Database) -> None:
    async with database.write() as writing:
        for name in ("x:a", "x:b", "x:c"):
            await put_source(writing, SourceConfig(name))
    said = [
        SourceStatus(source=f"x:{name}", state=state, said_at=NOON) for name, state in (("a", "live"), ("b", "paused"))
    ]
    await store(database, *said, SourceStatus(source="x:stranger", state="live", said_at=NOON))
    async with database.read() as session:
        assert await destinations.sources_live(session) == (1, 3)


async def test_what_a_wrong_clock_wrote_of_a_destination_is_mended(database: Database) -> None:
    hour = timedelta(hours=1)
    await store(
        database,
        DestinationState(destination="a", paused_until=NOON + 99 * hour, failing_since=NOON - 999 * hour),
        DestinationState(destination="b", paused_until=NOON + hour, failing_since=NOON + 2 * hour),
        DestinationState(destination="c", paused_until=None, failing_since=NOON - hour),
    )
    async with database.write() as writing:
        await destinations.free(writing, NOON - 99 * hour, NOON, until=NOON + 5 * hour)
    async with database.read() as session:
        states = await destinations.states(session)
    assert {name: (state.paused_until, state.failing_since) for name, state in states.items()} == {
        "a": (NOON + 5 * hour, NOON),
        "b": (NOON + hour, NOON),
        "c": (None, NOON - hour),
    }
