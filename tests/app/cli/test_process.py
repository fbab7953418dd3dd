from __future__ import annotations

from pathlib import Path
from types import CoroutineType

import pytest
from sqlalchemy import text

from app.cli.process import consumer_work
from app.clock import SystemClock
from app.db.migrate import head
from app.db.session import open_database
from tests.app.cli.conftest import Cli
from tests.sending import sending


@pytest.mark.parametrize(
    ("names", "keeps_house", "sends", "stages"),
    [((), True, True, 2), (("desk",), True, False, 1), (("tag",), False, False, 1), (("notify",), False, True, 0)],
)
async def test_where_roles_are_processes_of_their_own_the_desk_keeps_house(
    tmp_path: Path, names: tuple[str, ...], keeps_house: bool, sends: bool, stages: int
) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        work = consumer_work(desk.resources, names)
        named = [one.__name__ for one in work if isinstance(one, CoroutineType)]
        for one in work:
            one.close()
    assert ("keep_house" in named, "run_notify" in named) == (keeps_house, sends)
    assert len(named) == stages + keeps_house + sends


@pytest.mark.postgres
@pytest.mark.parametrize("arguments", [["api"], ["alerts", "--json"], ["backup", "desk.gz"]], ids=lambda one: one[0])
async def test_a_server_whose_schema_a_newer_build_made_is_refused(
    cli: Cli, migrated_server_url: str, arguments: list[str]
) -> None:
    async with open_database(migrated_server_url, role="cli") as database, database.write() as writing:
        await writing.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    done = cli(*arguments, WATCHDESK_DATABASE_URL=migrated_server_url, WATCHDESK_PORT="0")

    assert done.returncode == 2
    assert f"The database is at revision 9999, this build knows {head()}" in done.stderr
    assert done.stdout == ""


@pytest.mark.postgres
@pytest.mark.parametrize("arguments", [["consume"], ["alerts"]], ids=lambda one: one[0])
def test_a_server_without_a_schema_is_refused_with_the_command_that_makes_it(
    cli: Cli, empty_server_url: str, arguments: list[str]
) -> None:
    done = cli(*arguments, WATCHDESK_DATABASE_URL=empty_server_url, WATCHDESK_PORT="0")

    assert done.returncode == 2
    assert f"The database is at revision none, this build needs {head()}: run `watchdesk migrate`" in done.stderr
