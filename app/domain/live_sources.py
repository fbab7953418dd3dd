"""How many of the configured sources were being read: said with every alert, for silence means something only where somebody listens."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.domain.grades import SourceBook, source_key

LIVE = "live"
_SAID = re.compile(r"\d+ of \d+ sources? live")


def sources_live(book: SourceBook, states: Mapping[str, str]) -> str | None:
    """Return "4 of 6 sources live"; None where none is configured, or no producer has said yet how any of them is.

    `states` holds what was said last of each source, by `source_key`.
    """
    keys = [source_key(card.id) for card in book.cards()]
    if not any(key in states for key in keys):
        return None
    live = sum(states.get(key) == LIVE for key in keys)
    return f"{live} of {len(keys)} source{'' if len(keys) == 1 else 's'} live"


def says_sources_live(reason: str) -> bool:
    """Say whether a reason of an alert is this one: where it stands apart it is not repeated among the others."""
    return _SAID.fullmatch(reason) is not None
