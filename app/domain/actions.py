"""What the desk's people may do to an incident, each with its opposite: pure. Who did it, when and why stands in the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from app.domain.incidents import Editor
from app.errors import UserError

MUTE_HOURS, MUTE_HOURS_MAX = 1.0, 72.0


class ActionError(UserError):
    """The incident does not allow this now."""

    status = 409
    code = "action_conflict"


class Press(msgspec.Struct, frozen=True):
    """One action: what, by whom, when and why. `hours` counts for `mute`."""

    action: str
    who: str
    at: datetime
    why: str = ""
    hours: float = MUTE_HOURS


def act(editor: Editor, press: Press) -> Editor:
    """Return the editor's state after an action; raise ActionError where it changes nothing or cannot be."""
    change = ACTIONS.get(press.action)
    if change is None:
        raise ActionError(f"there is no action {press.action!r}: {', '.join(ACTIONS)}")
    if editor.merged_into:
        raise ActionError(f"the incident was merged into {editor.merged_into}: act on that one")
    return msgspec.structs.replace(change(editor, press), why=press.why)


def _set(field: str, done: str) -> Callable[[Editor, Press], Editor]:
    def change(editor: Editor, press: Press) -> Editor:
        before = getattr(editor, field)
        if before:
            raise ActionError(f"it is {done} already, by {before}")
        return msgspec.structs.replace(editor, **{field: press.who})

    return change


def _clear(field: str, done: str) -> Callable[[Editor, Press], Editor]:
    def change(editor: Editor, press: Press) -> Editor:
        del press
        if not getattr(editor, field):
            raise ActionError(f"it is not {done}")
        return msgspec.structs.replace(editor, **{field: None})

    return change


def _confirm(editor: Editor, press: Press) -> Editor:
    if editor.dismissed_by or editor.withdrawn_by:
        raise ActionError("it was taken back: undo that first")
    return _set("confirmed_by", "confirmed")(editor, press)


def _dismiss(editor: Editor, press: Press) -> Editor:
    if editor.withdrawn_by:
        raise ActionError(f"it is withdrawn already, by {editor.withdrawn_by}")
    return _set("dismissed_by", "dismissed")(msgspec.structs.replace(editor, confirmed_by=None), press)


def _withdraw(editor: Editor, press: Press) -> Editor:
    return _set("withdrawn_by", "withdrawn")(msgspec.structs.replace(editor, confirmed_by=None), press)


def _mute(editor: Editor, press: Press) -> Editor:
    if not 0 < press.hours <= MUTE_HOURS_MAX:
        raise ActionError(f"mute takes more than 0 and at most {MUTE_HOURS_MAX:g} hours")
    return msgspec.structs.replace(editor, muted_until=press.at + timedelta(hours=press.hours))


def _unmute(editor: Editor, press: Press) -> Editor:
    if editor.muted_until is None or editor.muted_until <= press.at:
        raise ActionError("it is not muted")
    return msgspec.structs.replace(editor, muted_until=None)


ACTIONS: Mapping[str, Callable[[Editor, Press], Editor]] = {
    "acknowledge": _set("acknowledged_by", "acknowledged"),
    "unacknowledge": _clear("acknowledged_by", "acknowledged"),
    "confirm": _confirm,
    "unconfirm": _clear("confirmed_by", "confirmed"),
    "dismiss": _dismiss,
    "undismiss": _clear("dismissed_by", "dismissed"),
    "withdraw": _withdraw,
    "unwithdraw": _clear("withdrawn_by", "withdrawn"),
    "mute": _mute,
    "unmute": _unmute,
}
OPPOSITE: Mapping[str, str] = {
    action: f"un{action}" for action in ("acknowledge", "confirm", "dismiss", "withdraw", "mute")
}
DONE: Mapping[str, str] = {
    "acknowledge": "acknowledged",
    "unacknowledge": "no longer acknowledged",
    "confirm": "confirmed",
    "unconfirm": "no longer confirmed",
    "dismiss": "dismissed",
    "undismiss": "dismissal undone",
    "withdraw": "withdrawn",
    "unwithdraw": "withdrawal undone",
    "mute": "muted",
    "unmute": "no longer muted",
}
