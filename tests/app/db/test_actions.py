from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db.actions import Acted, NoIncidentError, press
from app.db.incidents import actions_on, by_id
from app.db.models import Alert, Delivery, Incident
from app.db.session import Database
from app.domain.actions import ActionError, Press
from tests.stored_desk import OPTIONS, StoredDesk
from tests.wire import NOON, Wire

LATER = NOON + timedelta(hours=1)


async def incident_of(database: Database, wire: Wire) -> str:
    await StoredDesk(database).feed([wire.item("1", 0)])
    async with database.read() as session:
        return (await session.execute(select(Incident.id))).scalar_one()


async def do(database: Database, incident: str, action: str, who: str = "ada", why: str = "") -> Acted:
    async with database.write() as writing:
        return await press(writing, incident, Press(action, who, LATER, why), OPTIONS)


async def test_a_dismissal_withdraws_the_alert_for_everyone_who_got_it(database: Database) -> None:
    incident = await incident_of(database, Wire())
    done = await do(database, incident, "dismiss", why="old footage")
    assert (done.incident.state, [alert.step for alert in done.alerts]) == ("dismissed", ["withdrawn"])
    assert done.alerts[0].post is None
    async with database.read() as session:
        alerts = list((await session.execute(select(Alert.step).order_by(Alert.seq))).scalars())
        sent = set(
            (
                await session.execute(
                    select(Delivery.destination, Alert.step).join(Alert, Alert.id == Delivery.alert_id)
                )
            ).all()
        )
        found = await by_id(session, incident)
    assert alerts == ["first", "withdrawn"]
    assert {name for name, step in sent if step == "first"} >= {"slack"}
    assert found is not None
    assert found.view.state == "dismissed"


async def test_the_opposite_puts_it_back_and_says_so(database: Database) -> None:
    incident = await incident_of(database, Wire())
    await do(database, incident, "dismiss")
    done = await do(database, incident, "undismiss", who="bob")
    assert (done.incident.state, [alert.step for alert in done.alerts]) == ("open", ["corrected"])
    assert "stands again" in done.alerts[0].reasons[0]


async def test_a_confirmation_promotes_and_names_who(database: Database) -> None:
    incident = await incident_of(database, Wire())
    done = await do(database, incident, "confirm")
    assert (done.incident.level, [alert.step for alert in done.alerts]) == ("confirmed", ["promoted"])
    assert any("confirmed by ada" in reason for reason in done.alerts[0].reasons)


async def test_an_acknowledgement_or_a_mute_alerts_nobody(database: Database) -> None:
    incident = await incident_of(database, Wire())
    for action in ("acknowledge", "mute", "unmute", "unacknowledge"):
        assert (await do(database, incident, action)).alerts == ()


async def test_the_audit_says_who_did_what_when_and_why(database: Database) -> None:
    incident = await incident_of(database, Wire())
    await do(database, incident, "acknowledge", why="on it")
    await do(database, incident, "confirm", who="bob", why="seen it")
    async with database.read() as session:
        written = [(one.at, one.who, one.action, one.why) for one in await actions_on(session, incident)]
    assert written == [(LATER, "ada", "acknowledge", "on it"), (LATER, "bob", "confirm", "seen it")]


async def test_what_is_not_allowed_leaves_no_trace(database: Database) -> None:
    incident = await incident_of(database, Wire())
    await do(database, incident, "confirm")
    with pytest.raises(ActionError):
        await do(database, incident, "confirm", who="bob")
    with pytest.raises(NoIncidentError):
        await do(database, "nothing", "confirm")
    async with database.read() as session:
        assert len(await actions_on(session, incident)) == 1


async def test_a_running_desk_keeps_what_an_editor_did(database: Database) -> None:
    wire = Wire()
    incident = await incident_of(database, wire)
    desk = StoredDesk(database)
    await desk.feed([wire.item("2", 5)])
    await do(database, incident, "dismiss")
    async with database.write() as writing:
        assert desk.state is not None
        await desk.loader.changed(writing.session, desk.state, 0)
    await desk.feed([wire.item("3", 9)])
    async with database.read() as session:
        found = await by_id(session, incident)
        alerts = list((await session.execute(select(Alert.step).order_by(Alert.seq))).scalars())
    assert found is not None
    assert found.view.state == "dismissed"
    assert alerts[-1] == "withdrawn"
