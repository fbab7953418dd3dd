"""A desk's standing rules, and when a hit becomes an alert."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import msgspec

from app.domain.rule_index import RuleIndex
from app.domain.rule_match import CompiledRule, Match, PostWords
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import ReadText
from app.errors import RuleError
from app.messages import Post, Tags

if TYPE_CHECKING:  # settings read this module before anything heavy is loaded, and a gazetteer is heavy
    from app.domain.gazetteer import Gazetteer

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
MAX_NAME = 100
MATCHER_VERSION = 1  # counts up when the same rule may come to hold for other posts


class Triggers(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an incident must reach before the watch raises an alert; those that are given must not all hold, one is enough.

    All empty: it fires at the first report. `origins`: so many independent ones; `lull_days`: first after so many quiet days;
    `killed`: at least so many; `burst_posts` within `burst_minutes`.
    """

    origins: Count | None = None
    lull_days: Count | None = None
    killed: Count | None = None
    burst_posts: Count | None = None
    burst_minutes: Count = 30

    @property
    def empty(self) -> bool:
        return (self.origins, self.lull_days, self.killed, self.burst_posts) == (None, None, None, None)


class Watch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A standing rule. The name is its id; the empty rule means everything that may open an incident; a cooldown holds back `updated` only."""

    name: str
    rule: str = ""
    triggers: Triggers = Triggers()
    destinations: tuple[str, ...] = ()
    cooldown_s: int = 600
    version: int = 1


ALL_WATCH = Watch(name="all")


class WatchSet:
    """The watches in force, ready to match. A watch whose rule cannot be used matches nothing and stands in `refused`.

    `version` names words and order of the rules: a record tagged under another version is matched again.
    """

    def __init__(self, watches: Iterable[Watch], gazetteer: Gazetteer) -> None:
        self.watches = tuple(watches) or (ALL_WATCH,)
        self.refused: dict[str, RuleError] = {}
        self._by_name = {watch.name: watch for watch in self.watches}
        self._compiled: dict[str, CompiledRule] = {}
        for watch in self.watches:
            try:
                self._compiled[watch.name] = compile_rule(parse_rule(watch.rule), gazetteer)
            except RuleError as error:
                self.refused[watch.name] = error
        self._index = RuleIndex(self._compiled)
        self.version = watches_version(self.watches)

    def get(self, name: str) -> Watch | None:
        return self._by_name.get(name)

    def compiled(self, name: str) -> CompiledRule | None:
        """Return the rule of a watch ready to match, None where there is no such watch or its rule is refused."""
        return self._compiled.get(name)

    def hits(self, words: PostWords) -> tuple[str, ...]:
        """Return the names of the watches whose rule holds: what `tag` needs, without reasons."""
        return tuple(self._index.matching(words))

    def match(self, post: Post, text: ReadText, tags: Tags) -> dict[str, Match]:
        """Return each watch whose rule holds for the post, with the reasons."""
        words = PostWords(post, text, tags)
        found = {name: self._compiled[name].match_words(words) for name in self._index.matching(words)}
        return {name: match for name, match in found.items() if match is not None}


def watches_version(watches: Iterable[Watch]) -> str:
    """Return the same short hash for the same rules under the same names, in whatever order they are given."""
    rules = sorted((watch.name, watch.rule) for watch in watches)
    return hashlib.sha256(msgspec.json.encode((MATCHER_VERSION, rules))).hexdigest()[:16]
