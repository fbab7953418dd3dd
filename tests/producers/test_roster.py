from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.domain.config_keys import SOURCE_KEYS
from app.errors import SettingsError
from app.outbound.targets import OutboundPolicy
from producers.port import Setup
from producers.roster import ROSTER, plan, producer_for
from tests.producers.playing import source

SETUP = Setup((), {}, lambda _: None, SystemClock(), OutboundPolicy(), Path("/nonexistent"))


def test_every_row_can_be_made_and_reads_every_platform_that_can_be_configured() -> None:
    for row in ROSTER:
        module, _, attribute = row.make.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))
    assert {name for row in ROSTER for name in row.platforms} - {"inbox"} == set(SOURCE_KEYS) - {"inbox"}


def test_only_what_the_sources_call_for_is_planned() -> None:
    assert set(plan([], {}, lambda: SETUP)) == {"inbox"}
    assert set(plan([source("youtube:UC1"), source("x:ridge")], {}, lambda: SETUP)) == {"inbox", "rss", "x"}
    assert "bluesky" in plan([], {"bluesky": {"words": True}}, lambda: SETUP)


def test_changed_words_start_anew_only_those_who_look_for_words() -> None:
    sources = [source("x:ridge"), source("rss:wire", url="https://wire.example")]
    before = plan(sources, {}, lambda: SETUP)
    after = plan(sources, {}, lambda: replace(SETUP, rules=["dam burst"], words=frozenset({"dam"})))
    assert before["x"].of != after["x"].of
    assert before["rss"].of == after["rss"].of
    changed = [sources[0], source("rss:wire", url="https://other.example")]
    assert plan(changed, {}, lambda: SETUP)["rss"].of != before["rss"].of


def test_a_platform_that_cannot_be_read_is_refused_in_words() -> None:
    assert producer_for(source("rss:wire", url="https://wire.example"), SETUP).source_ids == {"rss:wire"}
    with pytest.raises(SettingsError, match="platform 'myspace' is not one we can read; known: x, bluesky"):
        producer_for(source("myspace:a"), SETUP)
