"""Who stands behind a source, and how far the desk trusts it (Admiralty grades A to F)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

TRUSTED = frozenset("ABCD")  # one of the two origins of `likely` must be configured with one of these
NEVER_COUNTS = "E"


class SourceCard(msgspec.Struct, frozen=True):
    """A source as the desk weighs it. `actor` is the party it speaks for (a ministry's account), None for observers.

    `area` is the place name that the desk gave it; None means the countries in which its reports were placed.
    """

    id: str
    owner: str
    grade: str = "F"
    configured: bool = False
    area: str | None = None
    actor: str | None = None


class SourceBook:
    """Looks up the card of a source; an author that no source names is its own owner, grade F."""

    def __init__(self, cards: Iterable[SourceCard] = ()) -> None:
        self._cards = {source_key(card.id): card for card in cards}
        self._owners = {card.owner.casefold(): card for card in self._cards.values()}

    @property
    def configured(self) -> bool:
        return bool(self._cards)

    def card(self, source: str) -> SourceCard:
        found = self._cards.get(source_key(source))
        if found is not None:
            return found
        return SourceCard(id=source, owner=source.partition(":")[2] or source)

    def by_owner(self, name: str) -> SourceCard | None:
        """Return a card whose owner has this name, as in "according to NAME"."""
        return self._owners.get(name.casefold())

    def cards(self) -> tuple[SourceCard, ...]:
        return tuple(self._cards.values())


def source_key(source: str) -> str:
    """Return the form in which two ids of one source are equal."""
    # Handles are case-insensitive on every platform that has handles.
    return source.replace(":@", ":", 1).casefold()
