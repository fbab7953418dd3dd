"""What `watchdesk match` runs: posts through the same reading and matching that the live stages use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.domain.config_file import MAX_CONFIG_BYTES, parse_watches
from app.domain.gazetteer import Gazetteer
from app.domain.lexicon import load_lexicon
from app.domain.posts import parse_line
from app.domain.rule_explain import explain
from app.domain.rule_index import WatchSet
from app.domain.rule_match import PostWords
from app.domain.tagging import Tagger
from app.errors import RuleError, SettingsError
from app.gazetteer_file import default_gazetteer, open_gazetteer
from app.messages import Post, Quarantined
from app.settings import load_settings


class LineMatcher:
    """Post lines in, lines of matches out. `notes` say how names of places that mean several were read."""

    def __init__(self, watches: WatchSet, tagger: Tagger, *, explained: bool = False) -> None:
        self._watches = watches
        self._tagger = tagger
        self._explained = explained
        self._encoder = msgspec.json.Encoder()
        compiled = {watch.name: watches.compiled(watch.name) for watch in watches.watches}
        self.notes = tuple(f"{name}: {note}" for name, rule in compiled.items() if rule for note in rule.notes)

    def lines(self, raw: Iterable[bytes]) -> Iterator[bytes]:
        """Yield one line for each that is neither empty nor a gap."""
        for number, line in enumerate(raw, 1):
            read = parse_line(line, received_at=datetime.now(UTC))
            if isinstance(read, Post):
                yield self._encoder.encode(self._matched(read))
            elif isinstance(read, Quarantined):
                yield self._encoder.encode({"line": number, "error": f"{read.reason}: {read.detail}"})

    def _matched(self, post: Post) -> dict[str, Any]:
        text = self._tagger.read(post)
        tags = self._tagger.tag(post, text)
        found = self._watches.match(post, text, tags)
        line: dict[str, Any] = {
            "id": post.given_id,
            "matches": [{"watch": name, "reasons": match.reasons} for name, match in found.items()],
        }
        if self._explained:
            words = PostWords(post, text, tags)
            line["missed"] = [
                {"watch": watch.name, "why": explained.sentences(), "explanation": explained}
                for watch in self._watches.watches
                if watch.name not in found and (rule := self._watches.compiled(watch.name)) is not None
                for explained in (explain(rule, words),)
            ]
        return line


def open_matcher(rules_path: Path, gazetteer_path: Path | None, *, explained: bool) -> LineMatcher:
    """Return the matcher of a rules file; raise `SettingsError` where one of its rules cannot be used."""
    with rules_path.open("rb") as opened:
        watches = parse_watches(opened.read(MAX_CONFIG_BYTES + 1), rules_path.name)
    if not watches:
        raise SettingsError(f"{rules_path.name} has no [[watch]]")
    gazetteer = _gazetteer(gazetteer_path)
    watch_set = WatchSet(watches, gazetteer)
    for name, error in watch_set.refused.items():
        raise RuleError(f"{rules_path.name}: watch {name!r}: {error.detail}", rule=error.rule, position=error.position)
    return LineMatcher(watch_set, Tagger(gazetteer, load_lexicon()), explained=explained)


def _gazetteer(path: Path | None) -> Gazetteer:
    return open_gazetteer(path) if path else default_gazetteer(load_settings(os.environ).home)
