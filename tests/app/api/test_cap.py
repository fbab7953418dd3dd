from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, tostring

import pytest
from lxml import etree

from app.api.cap import NAMESPACE, Chain, cap_message
from app.db.alerts import StoredAlert
from tests.rows import NOON, message, place, view

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("cap12.xsd")))


@dataclass
class Said:
    """A message, found valid, and its texts by name."""

    root: Element

    def __post_init__(self) -> None:
        SCHEMA.assertValid(etree.fromstring(tostring(self.root)))

    def __getitem__(self, name: str) -> str | None:
        return self.root.findtext(f".//{{{NAMESPACE}}}{name}")


def stored(seq: int, step: str = "first", **change: Any) -> StoredAlert:
    exercise = bool(change.pop("exercise", False))
    shown = change.pop("view", view(1))
    return StoredAlert(seq, message(seq, step=step, incident="i1", **change), shown, NOON, exercise)


def test_a_first_alert_is_a_valid_message() -> None:
    said = Said(cap_message(Chain(stored(1), ()), demo=False))
    assert (said["msgType"], said["status"], said["certainty"], said["references"]) == (
        "Alert",
        "Actual",
        "Possible",
        None,
    )
    assert (said["sent"], said["incidents"]) == ("2018-09-04T12:01:00+00:00", "i1")
    assert said["circle"] == "35.81460,36.32130 3"
    assert said["description"] == "the first report"


@pytest.mark.parametrize(("step", "kind"), [("promoted", "Update"), ("corrected", "Update"), ("withdrawn", "Cancel")])
def test_what_follows_refers_to_what_it_replaces(step: str, kind: str) -> None:
    said = Said(cap_message(Chain(stored(3, step, level="likely"), (stored(1), stored(2, "updated"))), demo=False))
    assert (said["msgType"], said["certainty"]) == (kind, "Likely")
    assert said["references"] == "watchdesk,a1,2018-09-04T12:01:00+00:00 watchdesk,a2,2018-09-04T12:02:00+00:00"


def test_an_update_of_what_is_no_longer_kept_stands_alone() -> None:
    assert Said(cap_message(Chain(stored(3, "promoted"), ()), demo=False))["msgType"] == "Alert"


def test_a_test_is_an_exercise_and_says_so() -> None:
    for demo in (True, False):
        said = Said(cap_message(Chain(stored(1, exercise=not demo), ()), demo=demo))
        assert said["status"] == "Exercise"
        assert (said["headline"] or "").startswith("TEST: ")
        assert (said["note"] or "").startswith("DEMO" if demo else "TEST")


def test_texts_that_xml_cannot_hold_are_repaired() -> None:
    nasty = "<b>\x00\x1b[2J\ud800\ufffe قصف & \U0001f4a5"
    shown = view(1, place=place(name=nasty, lat=-33.9, lon=-0.00001, radius_km=0.5), killed=(2, 4))
    said = Said(cap_message(Chain(stored(1, headline=nasty, reasons=(), origins=(nasty,), view=shown), ()), demo=False))
    assert said["headline"] == "<b>\ufffd\ufffd[2J\ufffd\ufffd قصف & \U0001f4a5"
    assert said["severity"] == "Severe"
