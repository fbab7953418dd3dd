from __future__ import annotations

from app.domain.exercises import WATCHDOG_SOURCE, WATCHDOG_TEXT
from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.messages import Post
from tests.builders import small_gazetteer


def test_the_watchdogs_words_are_read_as_a_report_so_that_they_pass_every_stage() -> None:
    tags = Tagger(small_gazetteer(), load_lexicon()).tag(
        Post("inbox:1", "1", "inbox", WATCHDOG_SOURCE, text=WATCHDOG_TEXT)
    )
    assert WATCHDOG_TEXT.startswith("TEST ")
    assert (tags.claim, tags.kind) == ("report", "air_strike")
    assert [place.name for place in tags.places if place.role == "event"]
