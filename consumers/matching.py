"""The one matcher as the stages use it: the tagger that reads a post, and the watches that may hit it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.exercises import WATCHDOG, is_watchdog
from app.domain.rule_index import WatchSet
from app.domain.tagging import Tagger
from app.domain.text import ReadText
from app.messages import Item, Post


class PostMatcher:
    """Reads posts and matches watches. The text last read is kept, for tagging, matching and comparing ask for it in turn."""

    def __init__(self, tagger: Tagger, watches: WatchSet) -> None:
        self.tagger = tagger
        self.watches = watches
        self._last: tuple[Post, ReadText] | None = None

    @property
    def version(self) -> str:
        return self.watches.version

    def read(self, post: Post) -> ReadText:
        if self._last is None or self._last[0] is not post:
            self._last = (post, self.tagger.read(post))
        return self._last[1]

    def words(self, post: Post) -> Sequence[str]:
        return [token.norm for token in self.read(post).tokens]

    def names(self, item: Item) -> tuple[str, ...]:
        """Return the watches that the item hits: the pre-filter that `tag` writes into the record."""
        if item.post is None or item.tags is None or is_watchdog(item):
            return ()
        return tuple(self.watches.match(item.post, self.read(item.post), item.tags))

    def hits(self, item: Item) -> Mapping[str, tuple[str, ...]]:
        """Return the watches that the item hits, each with the sentences why.

        The names that `tag` wrote are believed where it used this very set of watches; without a hit among them nothing is read.
        """
        if item.post is None or item.tags is None:
            return {}
        if is_watchdog(item):
            return {WATCHDOG.name: ("the watchdog's own post",)}
        if item.watches_version == self.watches.version and not item.hits:
            return {}
        found = self.watches.match(item.post, self.read(item.post), item.tags)
        return {name: match.sentences() for name, match in found.items()}
