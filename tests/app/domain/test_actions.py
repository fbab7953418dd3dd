from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.actions import ACTIONS, DONE, OPPOSITE, ActionError, Press, act
from app.domain.incidents import Editor, state_of

NOW = datetime(2018, 9, 4, 14, 2, tzinfo=UTC)


def press(action: str, who: str = "ada", **change: object) -> Press:
    return msgspec.structs.replace(Press(action, who, NOW, "seen the footage"), **change)


@pytest.mark.parametrize("action", sorted(OPPOSITE))
def test_the_opposite_undoes_an_action(action: str) -> None:
    done = act(Editor(), press(action))
    assert done != Editor()
    undone = act(done, press(OPPOSITE[action], who="bob"))
    assert msgspec.structs.replace(undone, why="") == Editor()


def test_every_action_has_an_opposite_and_words() -> None:
    assert set(ACTIONS) == set(OPPOSITE) | set(OPPOSITE.values()) == set(DONE)


@pytest.mark.parametrize("action", ["acknowledge", "confirm", "dismiss", "withdraw"])
def test_who_comes_second_is_told_who_was_first(action: str) -> None:
    with pytest.raises(ActionError, match="already, by ada"):
        act(act(Editor(), press(action)), press(action, who="bob"))


@pytest.mark.parametrize("action", sorted(OPPOSITE.values()))
def test_what_was_not_done_cannot_be_undone(action: str) -> None:
    with pytest.raises(ActionError, match="it is not"):
        act(Editor(), press(action))


def test_what_is_taken_back_is_no_longer_confirmed_and_cannot_be_confirmed() -> None:
    confirmed = act(Editor(), press("confirm"))
    dismissed = act(confirmed, press("dismiss"))
    assert (dismissed.confirmed_by, state_of(dismissed)) == (None, "dismissed")
    with pytest.raises(ActionError, match="undo that first"):
        act(dismissed, press("confirm"))
    withdrawn = act(dismissed, press("withdraw"))
    assert state_of(withdrawn) == "withdrawn"
    with pytest.raises(ActionError, match="withdrawn already"):
        act(withdrawn, press("dismiss"))


def test_a_mute_ends_by_itself_and_can_be_made_longer() -> None:
    muted = act(Editor(), press("mute"))
    assert muted.muted_until == NOW + timedelta(hours=1)
    assert act(muted, press("mute", hours=8.0)).muted_until == NOW + timedelta(hours=8)
    with pytest.raises(ActionError, match="not muted"):
        act(muted, press("unmute", at=NOW + timedelta(hours=1)))
    for hours in (0.0, -1.0, 73.0):
        with pytest.raises(ActionError, match="at most 72 hours"):
            act(Editor(), press("mute", hours=hours))


def test_an_incident_that_was_merged_away_takes_no_action() -> None:
    with pytest.raises(ActionError, match="merged into i9"):
        act(Editor(merged_into="i9"), press("confirm"))


@given(st.lists(st.sampled_from(sorted(ACTIONS)), max_size=30))
def test_whatever_is_pressed_the_state_is_one_that_can_be(pressed: list[str]) -> None:
    editor = Editor()
    for action in pressed:
        try:
            editor = act(editor, press(action))
        except ActionError:
            continue
        assert not (editor.confirmed_by and state_of(editor) != "open")
        assert editor.why == "seen the footage"


def test_a_wrong_action_is_told_the_right_ones() -> None:
    with pytest.raises(ActionError, match="acknowledge, unacknowledge"):
        act(Editor(), press("explode"))
