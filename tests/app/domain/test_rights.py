from __future__ import annotations

import pytest

from app.domain.rights import RightsBook, shown_tags, shown_text, withheld
from app.messages import PlaceTag, Tags, Term

TAGS = Tags(
    kind="air_strike",
    claim="report",
    places=(PlaceTag("SECRET spelling", 3, 18, "gn:1", "Idlib", "SY", 35.9, 36.6, 4.0, 0.9, "event", "in", "city"),),
    killed=(2, 2),
    terms=(Term("SECRET", 0, 6, "kind:air_strike"),),
    reasons=("kind: 'SECRET' says air_strike",),
)


@pytest.mark.parametrize("rights", ["full", "delete_24h"])
def test_text_is_shown_until_its_author_deletes_it(rights: str) -> None:
    assert withheld(rights, deleted=False) is None
    assert shown_text("words", rights, deleted=False) == "words"
    assert shown_tags(TAGS, rights, deleted=False) is TAGS
    assert shown_text("kept under a hold", rights, deleted=True) is None
    assert shown_tags(TAGS, rights, deleted=True) is None


def test_a_reference_leaves_our_facts_and_none_of_its_words() -> None:
    assert withheld("reference", deleted=False) == "its source allows a reference only"
    assert shown_text("words", "reference", deleted=False) is None
    shown = shown_tags(TAGS, "reference", deleted=False)
    assert shown is not None
    assert "SECRET" not in repr(shown)
    assert (shown.kind, shown.claim, shown.killed) == ("air_strike", "report", (2, 2))
    assert (shown.places[0].place_id, shown.places[0].surface) == ("gn:1", "Idlib")


def test_a_deletion_is_the_reason_also_for_a_reference() -> None:
    assert withheld("reference", deleted=True) == "its author deleted it"


def test_rights_are_found_however_the_handle_is_written() -> None:
    book = RightsBook([("x:WardMedia", "reference"), ("telegram:@ward", "delete_24h")])
    assert book.of("x:wardmedia") == "reference"
    assert book.of("telegram:Ward") == "delete_24h"
    assert book.of("x:nobody") == "full"
