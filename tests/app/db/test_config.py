"""What watchdesk.toml says becomes rows, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.db import meta
from app.db.config import (
    Applied,
    apply_config,
    load_destinations,
    load_sources,
    load_watches,
    put_watch,
    rules_mark,
    store_watches_version,
)
from app.db.models import Source
from app.db.models import Watch as WatchRow
from app.db.session import Database
from app.domain.config_file import parse_config
from app.domain.rule_index import watches_version
from app.domain.watches import ALL_WATCH, Triggers, Watch
from app.errors import SettingsError

NOW = datetime(2018, 9, 4, 12, tzinfo=UTC)
FILE = """
[[source]]
id = "x:WhiteHelmets"
owner = "White Helmets"
grade = "B"
area = "Idlib"
actor = "observers"
via = "activity"

[[source]]
id = "rss:agency"
url = "https://agency.example/feed"

[[watch]]
name = "Idlib strikes"
rule = "idlib (strike OR raid) -film"
destinations = ["desk"]
triggers = { origins = 2, lull_days = 7 }
cooldown_s = 60

[[destination]]
name = "desk"
type = "slack"
url_env = "SLACK_URL"
minimum_level = "likely"
"""


async def apply(database: Database, text: str) -> Applied:
    async with database.write() as writing:
        return await apply_config(writing, parse_config(text.encode()), NOW)


async def test_what_is_read_back_is_what_the_file_says(database: Database) -> None:
    config = parse_config(FILE.encode())
    await apply(database, FILE)
    async with database.read() as session:
        assert await load_sources(session) == tuple(sorted(config.sources, key=lambda one: one.id))
        assert await load_watches(session) == config.watches
        assert list((await load_destinations(session)).values()) == list(config.destinations)
        assert await meta.value(session, "config_hash") == config.digest
        assert await meta.value(session, "watches_version") == watches_version(config.watches)


async def test_applying_the_same_file_twice_changes_nothing(database: Database) -> None:
    first = await apply(database, FILE)
    async with database.read() as session:
        mark = await rules_mark(session)
    again = await apply(database, FILE)
    async with database.read() as session:
        assert await rules_mark(session) == mark
    assert first.added == ("source x:WhiteHelmets", "source rss:agency", "destination desk", "watch Idlib strikes")
    assert again == Applied(watches_version=first.watches_version)


async def test_a_changed_rule_counts_the_version_of_its_watch_and_moves_mark_and_hash(database: Database) -> None:
    first = await apply(database, FILE)
    async with database.read() as session:
        mark = await rules_mark(session)
    second = await apply(database, FILE.replace("-film", "-cinema"))
    assert second.changed == ("watch Idlib strikes",)
    assert second.watches_version != first.watches_version
    async with database.read() as session:
        assert await rules_mark(session) != mark
        assert (await load_watches(session))[0].version == 2


async def test_what_left_the_file_is_retired_and_its_row_stays(database: Database) -> None:
    await apply(database, FILE)
    gone = await apply(database, "")
    assert gone.retired == ("source rss:agency", "source x:WhiteHelmets", "watch Idlib strikes", "destination desk")
    assert gone.watches_version == watches_version([ALL_WATCH])
    async with database.read() as session:
        assert await load_sources(session) == ()
        assert await load_watches(session) == ()
        rows = (await session.execute(select(Source))).scalars().all()
        assert {row.retired_at for row in rows} == {NOW}
        assert not any(row.owned_by_file for row in rows)


async def test_what_comes_back_into_the_file_is_in_force_again(database: Database) -> None:
    await apply(database, FILE)
    await apply(database, "")
    back = await apply(database, FILE)
    assert "watch Idlib strikes" in back.changed
    async with database.read() as session:
        assert (await load_watches(session))[0].version == 3


async def test_a_watch_that_the_file_does_not_name_is_left_alone(database: Database) -> None:
    async with database.write() as writing:
        await put_watch(writing, Watch("Hama", "hama", Triggers(killed=5)))
        await store_watches_version(writing)
    applied = await apply(database, FILE)
    assert applied.retired == ()
    async with database.read() as session:
        assert [watch.name for watch in await load_watches(session)] == ["Hama", "Idlib strikes"]
        owned = (await session.execute(select(WatchRow.name, WatchRow.owned_by_file))).all()
    assert {(row[0], row[1]) for row in owned} == {("Hama", False), ("Idlib strikes", True)}


async def test_the_file_takes_over_a_watch_of_the_same_name(database: Database) -> None:
    async with database.write() as writing:
        await put_watch(writing, Watch("Idlib strikes", "something else"))
    assert "watch Idlib strikes" in (await apply(database, FILE)).changed


@pytest.mark.parametrize("rule", ["idlib (", "-film", "idlib -idlib"])
async def test_a_rule_that_cannot_be_used_changes_nothing_at_all(database: Database, rule: str) -> None:
    await apply(database, FILE)
    with pytest.raises(SettingsError, match="watch 'Idlib strikes'"):
        await apply(database, FILE.replace("idlib (strike OR raid) -film", rule).replace('grade = "B"', 'grade = "A"'))
    async with database.read() as session:
        assert {source.grade for source in await load_sources(session)} == {"B", "F"}
