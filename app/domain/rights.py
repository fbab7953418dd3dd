"""What may be shown of a post: its source's rights and its deletion decide, whoever asks.

Every output that could show a post's words asks here. Under `full` and `delete_24h` the text is shown until its author deletes the post.
Under `reference` only the id, the link and our own facts leave. A hold keeps a deleted text in the database; it is shown to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.domain.grades import source_key
from app.messages import PlaceTag, Tags

FULL = "full"
REFERENCE = "reference"
DELETE_24H = "delete_24h"


class RightsBook:
    """Looks up the rights of a source as it is configured, however its handle is written; a source that nobody configured is `full`."""

    def __init__(self, rights: Iterable[tuple[str, str]] = ()) -> None:
        self._rights = {source_key(source): own for source, own in rights}

    def of(self, source: str) -> str:
        return self._rights.get(source_key(source), FULL)


def withheld(rights: str, *, deleted: bool) -> str | None:
    """Return why the text of a post may not be shown; None where it may."""
    if deleted:
        return "its author deleted it"
    return "its source allows a reference only" if rights == REFERENCE else None


def shown_text(text: str, rights: str, *, deleted: bool) -> str | None:
    """Return the text where it may be shown, else None."""
    return None if withheld(rights, deleted=deleted) else text


def shown_tags(tags: Tags | None, rights: str, *, deleted: bool) -> Tags | None:
    """Return the tags as they may be shown: of a reference the facts without the post's own words, of a deleted post nothing."""
    if tags is None or deleted:
        return None
    if withheld(rights, deleted=False) is None:
        return tags
    return msgspec.structs.replace(tags, places=tuple(map(_named, tags.places)), terms=(), reasons=())


def _named(place: PlaceTag) -> PlaceTag:
    """Return the place under our name for it, not as the post writes it."""
    return msgspec.structs.replace(place, surface=place.name)
