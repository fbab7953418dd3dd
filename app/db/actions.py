"""An editor's action -> the incident, the alerts that it owes to whoever was told, and the audit: one transaction, the desk's own code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from babel import Locale
from sqlalchemy import select

from app.db import audit
from app.db.audit import Deed
from app.db.config import load_destinations, load_sources, load_watches
from app.db.desk_load import Loader
from app.db.desk_save import Saver
from app.db.models import Incident
from app.db.session import WriteSession
from app.domain.actions import Press, act
from app.domain.alerts import Cause, Names, load_actor_names
from app.domain.changes import Changes
from app.domain.config import DeskOptions
from app.domain.desk import Desk, DeskRules
from app.domain.desk_state import DeskState
from app.domain.grades import SourceBook, SourceCard
from app.domain.incidents import summarise, view_of
from app.domain.watches import ALL_WATCH
from app.errors import UserError
from app.messages import AlertMessage, IncidentView, Item, Post


class NoIncidentError(UserError):
    """There is no incident with this id."""

    status = 404
    code = "not_found"


class Acted(msgspec.Struct, frozen=True):
    """What an action did: the incident as it is now, and the alerts that went out because of it."""

    incident: IncidentView
    alerts: tuple[AlertMessage, ...]


class _NoPosts:
    """The matcher of a desk that decides no post."""

    version = ""

    def words(self, post: Post) -> Sequence[str]:
        del post
        return ()

    def hits(self, item: Item) -> Mapping[str, tuple[str, ...]]:
        del item
        return {}


async def press(writing: WriteSession, incident_id: str, pressed: Press, options: DeskOptions) -> Acted:
    """Do an action and write it down; raise NoIncidentError, or ActionError where the incident does not allow it now.

    The running desk notices the change before its next batch. The alerts of a muted incident and of one that nobody was told of stay unsaid.
    """
    session = writing.session
    if await session.scalar(select(Incident.id).where(Incident.id == incident_id)) is None:
        raise NoIncidentError
    rules = await _rules(writing, options)
    state = DeskState()
    await Loader(rules.book, options).one(session, state, incident_id)
    incident = state.incidents[incident_id]
    incident = msgspec.structs.replace(incident, editor=act(incident.editor, pressed))
    facts = summarise(incident, any_configured=rules.book.configured, options=options)
    state.put(incident, facts)
    changes = Changes()
    changes.incidents[incident_id] = None
    Desk(state, rules, _NoPosts()).tell(incident_id, Cause(pressed.at, None, fresh=False), changes)
    await Saver(writing, state, pressed.at, tuple(await load_destinations(session))).save(changes)
    body = {"hours": pressed.hours} if pressed.action == "mute" else {}
    await audit.note(writing, Deed(pressed.who[:200], pressed.action, incident_id, pressed.why, body), pressed.at)
    return Acted(view_of(incident, facts), tuple(one.alert for one in changes.alerts))


async def _rules(writing: WriteSession, options: DeskOptions) -> DeskRules:
    sources = await load_sources(writing.session)
    watches = await load_watches(writing.session) or (ALL_WATCH,)
    cards = [
        SourceCard(one.id, one.owner or one.handle, one.grade, configured=True, area=one.area, actor=one.actor)
        for one in sources
    ]
    return DeskRules(
        book=SourceBook(cards),
        options=options,
        watches={watch.name: watch for watch in watches},
        names=Names(actors=load_actor_names(), countries=dict(Locale("en").territories)),
    )
