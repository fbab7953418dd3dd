"""The producers as a table, and which of them a list of sources calls for. To add one: its module, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from app.domain.config import SourceConfig
from producers.port import Producer, Setup
from producers.runner import Planned


class Row(NamedTuple):
    """`platform` is the first part of its sources' ids; `make` ("module:function") takes a Setup and is imported when it is needed.

    `always`: runs without a source too. `extra`: the optional package that it needs.
    """

    platform: str
    section: str
    make: str
    always: bool = False
    extra: str | None = None


ROSTER = (
    Row("inbox", "inbox", "producers.inbox:make", always=True),
    Row("x", "x", "producers.x:make"),
    Row("bluesky", "bluesky", "producers.bluesky:make"),
    Row("mastodon", "mastodon", "producers.mastodon:make"),
    Row("rss", "feeds", "producers.feeds:make"),
    Row("telegram", "telegram", "producers.telegram:make", extra="telethon"),
)


def plan(
    sources: Sequence[SourceConfig], sections: Mapping[str, Mapping[str, object]], setup: Callable[[], Setup]
) -> dict[str, Planned]:
    """Return the producers that these sources call for. `setup` gives what they share; sources and section are put in here."""
    planned: dict[str, Planned] = {}
    for row in ROSTER:
        mine = [source for source in sources if source.platform == row.platform]
        section = sections.get(row.section, {})
        if mine or row.always or section.get("words"):
            shared = setup()
            of = (msgspec.json.encode(mine), msgspec.json.encode(section), tuple(shared.rules))
            planned[row.platform] = Planned(of, partial(_make, row, shared, mine, section))
    return planned


def _make(row: Row, shared: Setup, mine: Sequence[SourceConfig], section: Mapping[str, object]) -> Producer:
    module, _, attribute = row.make.partition(":")
    make: Callable[[Setup], Producer] = getattr(importlib.import_module(module), attribute)
    own = Setup(
        sources=mine,
        section=section,
        secret=shared.secret,
        clock=shared.clock,
        policy=shared.policy,
        home=shared.home,
        database=shared.database,
        rules=shared.rules,
    )
    return make(own)
