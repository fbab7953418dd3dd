"""The producers as a table, and which of them a list of sources calls for. To add one: its module, and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import msgspec

from app.domain.config import SourceConfig
from app.errors import SettingsError
from producers.port import Producer, Setup
from producers.runner import Planned


class Row(NamedTuple):
    """`platforms` are the first parts of its sources' ids; `make` ("module:function") takes a Setup and is imported when it is needed.

    `always`: runs without a source too. `words`: it looks for the words of watches, and starts anew when those change.
    """

    name: str
    platforms: tuple[str, ...]
    section: str
    make: str
    always: bool = False
    words: bool = False


ROSTER = (
    Row("inbox", ("inbox",), "inbox", "producers.inbox:make", always=True),
    Row("x", ("x",), "x", "producers.x:make", words=True),
    Row("bluesky", ("bluesky",), "bluesky", "producers.bluesky:make", words=True),
    Row("mastodon", ("mastodon",), "mastodon", "producers.mastodon:make"),
    Row("rss", ("rss", "youtube", "web"), "feeds", "producers.feeds:make"),
    Row("telegram", ("telegram",), "telegram", "producers.telegram:make"),
)


def plan(
    sources: Sequence[SourceConfig], sections: Mapping[str, Mapping[str, object]], setup: Callable[[], Setup]
) -> dict[str, Planned]:
    """Return the producers that these sources call for. `setup` gives what they share; sources and section are put in here."""
    planned: dict[str, Planned] = {}
    for row in ROSTER:
        mine = [source for source in sources if source.platform in row.platforms]
        section = sections.get(row.section, {})
        if not (mine or row.always or (row.words and (section.get("words") or section.get("extra_rules")))):
            continue
        shared = setup()
        own = (
            replace(shared, sources=mine, section=section)
            if row.words
            else replace(shared, sources=mine, section=section, rules=(), words=frozenset())
        )
        of = msgspec.json.encode((mine, section, list(own.rules), sorted(own.words)))
        planned[row.name] = Planned(of, partial(_make, row, own), frozenset(source.id for source in mine))
    return planned


def producer_for(source: SourceConfig, setup: Setup) -> Producer:
    """Return the producer that reads this one source; raise SettingsError where there is none."""
    row = next((row for row in ROSTER if source.platform in row.platforms and row.name != "inbox"), None)
    if row is None:
        known = ", ".join(name for row in ROSTER for name in row.platforms if name != "inbox")
        raise SettingsError(f"{source.id}: platform {source.platform!r} is not one we can read; known: {known}")
    return _make(row, replace(setup, sources=[source], rules=(), words=frozenset()))


def _make(row: Row, setup: Setup) -> Producer:
    module, _, attribute = row.make.partition(":")
    make: Callable[[Setup], Producer] = getattr(importlib.import_module(module), attribute)
    return make(setup)
