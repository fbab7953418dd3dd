from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import select

from app.db.incidents import Action, actions_on
from app.db.migrate import upgrade
from app.db.models import Incident
from app.db.session import open_database
from tests.stored_desk import StoredDesk
from tests.wire import Wire

Cli = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def incident(tmp_path: Path) -> str:
    async def make() -> str:
        url = f"sqlite:///{tmp_path / 'watchdesk.db'}"
        await upgrade(url)
        async with open_database(url, role="run") as database:
            await StoredDesk(database).feed([Wire().item("1", 0)])
            async with database.read() as session:
                return (await session.execute(select(Incident.id))).scalar_one()

    return asyncio.run(make())


def done_to(tmp_path: Path, incident: str) -> list[Action]:
    async def read() -> list[Action]:
        async with (
            open_database(f"sqlite:///{tmp_path / 'watchdesk.db'}", role="cli") as database,
            database.read() as session,
        ):
            return await actions_on(session, incident)

    return asyncio.run(read())


def test_an_incident_is_dismissed_and_put_back_with_the_alerts_that_follow(
    cli: Cli, incident: str, tmp_path: Path
) -> None:
    done = cli("act", incident, "dismiss", "--why", "old footage", "--as", "ada")
    assert done.returncode == 0, done.stderr
    assert f"{incident} dismissed: reported, dismissed" in done.stdout
    assert "alert withdrawn to watch all: WITHDRAWN: " in done.stdout
    assert "dismissal undone" in cli("act", incident, "undismiss", "--as", "bob").stdout
    acted = [(one.who, one.action, one.why) for one in done_to(tmp_path, incident)]
    assert acted == [("ada", "dismiss", "old footage"), ("bob", "undismiss", "")]


def test_what_cannot_be_done_is_a_line_and_exit_code_2(cli: Cli, incident: str) -> None:
    assert cli("act", incident, "acknowledge", "--as", "ada").returncode == 0
    for arguments, words in (
        (("act", incident, "acknowledge"), "already, by ada"),
        (("act", incident, "unmute"), "it is not muted"),
        (("act", incident, "mute", "--hours", "99"), "at most 72 hours"),
        (("act", "nothing", "confirm"), "no incident"),
        (("act", incident, "explode"), "explode"),
    ):
        refused = cli(*arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
