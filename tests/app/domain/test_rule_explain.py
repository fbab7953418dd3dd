"""Why a rule holds and why it does not."""

from __future__ import annotations

import pytest

from app.domain.rule_explain import Explanation, explain
from app.domain.rule_match import PostWords
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.messages import PlaceTag, Post, Tags
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()
TEXT = "Jets hit Jisr al-Shughour"


def place_tag(place_id: str) -> PlaceTag:
    place = GAZETTEER.get(place_id)
    assert place is not None
    values = {
        name: getattr(place, name) for name in ("place_id", "name", "country", "lat", "lon", "radius_km", "level")
    }
    return PlaceTag(surface="Jisr", start=9, end=13, confidence=1.0, role="event", relation="in", **values)


def why(rule: str, *places: str) -> Explanation:
    post = Post("x:1", "1", "x", "eve", text=TEXT, lang="en")
    tags = Tags(kind="air_strike", claim="report", actors=("RuAF",), places=tuple(map(place_tag, places)))
    return explain(compile_rule(parse_rule(rule), GAZETTEER), PostWords(post, read_text(TEXT), tags))


@pytest.mark.parametrize(
    ("rule", "sentences"),
    [
        ("jets", ("it says “Jets”",)),
        ("tanks", ("it does not say “tanks”",)),
        ("jets tanks -film", ("it does not say “tanks”",)),
        ("jets -hit", ("it says “hit”, which the rule excludes",)),
        ("tanks OR guns", ("none of these holds: tanks; guns",)),
        ("tanks OR jets", ("it says “Jets”",)),
        ("#Idlib", ("it does not carry #Idlib",)),
        ("from:adam", ("it is from eve, not from adam",)),
        ("lang:ar", ("its language is en, not ar",)),
        ("kind:shelling", ("its kind is air_strike, not shelling",)),
        ("claim:denial", ("its claim is report, not denial",)),
        ("actor:SyAAF", ("it names RuAF as actor, not SyAAF",)),
        ("", ("it reports an event, and this watch takes every report",)),
    ],
)
def test_what_decided_is_said(rule: str, sentences: tuple[str, ...]) -> None:
    assert why(rule).sentences() == sentences


def test_a_place_elsewhere_is_named_with_its_distance() -> None:
    (sentence,) = why("near:Damascus", "p:jisr").sentences()
    assert sentence.startswith("it happened at Jisr ash-Shughur, 2")
    assert sentence.endswith("km from Damascus, not within 25 km of Damascus")


def test_an_area_too_wide_is_told_as_such() -> None:
    (sentence,) = why("near:Idlib~30km", "r:idlib").sentences()
    assert "too wide to be within 30 km of Idlib" in sentence


def test_a_post_that_says_no_place_is_told_as_such() -> None:
    assert why("place:Syria").sentences() == ("it does not say where it happened, so it is not taken to be in Syria",)


def test_the_tree_of_the_rule_is_kept_with_what_was_found_at_each_part() -> None:
    tree = why("jets (tanks OR hit) -film")
    assert tree.matched
    assert [(part.operator, part.part, part.matched) for part in tree.parts] == [
        ("word", "jets", True),
        ("or", "tanks OR hit", True),
        ("not", "-film", True),
    ]
    reason = tree.parts[0].reason
    assert reason is not None
    assert reason.spans == ((0, 4),)
