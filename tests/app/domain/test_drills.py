from __future__ import annotations

import pytest

from app.domain.drills import drill_author, drill_text
from app.domain.lexicon import load_lexicon
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.tagging import Tagger
from app.messages import Post
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()
TAGGER = Tagger(GAZETTEER, load_lexicon())
ACTORS = {"RuAF": "Russian Air Force"}

RULES = [
    'kind:air_strike near:"Jisr al-Shughur"~25km',
    "Idlib (strike OR shelling) -weather",
    '"barrel bomb" #Idlib',
    "kind:shelling",
    "actor:RuAF kind:air_strike",
    "from:SyriaCivilDef",
    "(-weather OR -sport) Idlib",
    "قصف إدلب",
]


@pytest.mark.parametrize("written", RULES)
def test_the_words_made_from_a_rule_match_it_and_are_tagged_as_a_report(written: str) -> None:
    rule = parse_rule(written)
    text = drill_text(rule, ACTORS)
    post = Post("inbox:1", "1", "inbox", drill_author(rule) or "drill", text=text)
    tags = TAGGER.tag(post)
    assert text.startswith("TEST ")
    assert compile_rule(rule, GAZETTEER).match(post, TAGGER.read(post), tags) is not None
    assert tags.claim == "report"
    assert any(place.role == "event" for place in tags.places)


def test_the_empty_rule_is_drilled_with_an_air_strike() -> None:
    assert drill_text(parse_rule(""), ACTORS) == "TEST air strikes on Jisr al-Shughur. End of TEST."
