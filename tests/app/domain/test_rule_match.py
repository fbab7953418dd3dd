"""Whether a rule holds for a post, and the reasons that are given."""

from __future__ import annotations

import time

import pytest

from app.domain.rule_match import MOST_SPANS, Match, PostWords
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.messages import PlaceTag, Post, Tags, Term
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()
TEXT = "Russian jets hit Jisr al-Shughour #JisrShoghur #Syria, says @SyriaCivilDef"


def tagged_place(place_id: str, role: str = "event", radius_km: float | None = None) -> PlaceTag:
    place = GAZETTEER.get(place_id)
    assert place is not None
    return PlaceTag(
        surface=place.name,
        start=17,
        end=33,
        place_id=place.place_id,
        name=place.name,
        country=place.country,
        lat=place.lat,
        lon=place.lon,
        radius_km=radius_km or place.radius_km,
        confidence=0.9,
        role=role,
        relation="in",
        level=place.level,
    )


def words(text: str = TEXT, tags: Tags | None = None, lang: str | None = "en") -> PostWords:
    post = Post("x:1", "1", "x", "EyeOnSky", text=text, lang=lang)
    strike = Tags(
        lang="en",
        kind="air_strike",
        claim="report",
        actors=("RuAF",),
        places=(tagged_place("p:jisr"),),
        terms=(Term("jets", 8, 12, "kind:air_strike"),),
    )
    return PostWords(post, read_text(text, GAZETTEER.split_hashtag), tags or strike)


def match(rule: str, post: PostWords | None = None) -> Match | None:
    return compile_rule(parse_rule(rule), GAZETTEER).match_words(post or words())


def surfaces(rule: str, text: str) -> list[str]:
    found = match(rule, words(text))
    return [text[start:end] for reason in found.reasons for start, end in reason.spans] if found else []


@pytest.mark.parametrize(
    "rule",
    [
        "jets",
        "JETS",
        "jets hit",
        "tanks OR jets",
        '"jets hit jisr"',
        '"jisr al-shughour"',
        "#JisrShoghur",
        "#jisrshoghur",
        "jisrshoghur",
        "syria",
        "@SyriaCivilDef",
        "from:EyeOnSky",
        "from:@eyeonsky",
        "from:x:eyeonsky",
        "lang:en",
        "kind:air_strike",
        "claim:report",
        "actor:ruaf",
        'near:"Jisr al-Shughour"~5km',
        "near:Idlib~40km",
        'place:"Jisr al-Shughour"',
        'place:"Idlib Governorate"',
        "place:Idlib",
        "place:Syria",
        "jets -tanks",
        "-(tanks OR guns) jets",
        "-(jets tanks) jets",
        "",
    ],
)
def test_a_rule_holds(rule: str) -> None:
    assert match(rule) is not None


@pytest.mark.parametrize(
    "rule",
    [
        "jet",
        "jets tanks",
        "tanks OR guns",
        '"hit jets"',
        '"jets jisr"',
        "#Jisr",
        "#jets",
        "@EyeOnSky",
        "from:SyriaCivilDef",
        "from:telegram:eyeonsky",
        "lang:ar",
        "kind:shelling",
        "claim:denial",
        "actor:SyAAF",
        "near:Idlib~5km",
        "near:Damascus",
        "place:Aleppo",
        "place:Russia",
        "jets -syria",
        "jets -(tanks OR hit)",
    ],
)
def test_a_rule_does_not_hold(rule: str) -> None:
    assert match(rule) is None


@pytest.mark.parametrize(
    ("rule", "text", "surface"),
    [
        ("إدلب", "غارات على إدلب", "إدلب"),
        ("ادلب", "غارات على إِدْلِب", "إِدْلِب"),
        ("إدلب", "قصف بإدلب وريفها", "بإدلب"),
        ("الرقة", "اشتباكات بالرقة", "بالرقة"),
        ("غارات", "وغارات على المدينة", "وغارات"),
        ('"ريف إدلب"', "قصف بريف إدلب", "بريف إدلب"),
        ("идлиб", "Удары по городу ИДЛИБ", "ИДЛИБ"),
        ("cafe", "the CAFÉ burned", "CAFÉ"),
        ("idlib", "bombs on Id\u200blib now", "Id\u200blib"),
        ("idlib", "pray #PrayForIdlib", "Idlib"),
        ("mother", "the mother's house", "mother"),
    ],
)
def test_a_word_is_found_however_it_is_written_and_shown_as_it_stands(rule: str, text: str, surface: str) -> None:
    assert surfaces(rule, text) == [surface]


def test_a_regular_expressions_word_border_would_cut_arabic_and_ours_does_not() -> None:
    assert match("دلب", words("غارات على إدلب")) is None


def test_every_operator_gives_its_reason_in_plain_english() -> None:
    found = match(
        'jets "jisr al-shughour" #Syria @SyriaCivilDef from:EyeOnSky lang:en kind:air_strike claim:report actor:RuAF -tanks'
    )
    assert found is not None
    assert found.sentences() == (
        "it says “jets”",
        "it says “Jisr al-Shughour”",
        "it says “#Syria”",
        "it says “@SyriaCivilDef”",
        "it is from EyeOnSky",
        "its language is en",
        "its kind is air strike",
        "its claim is report",
        "its actor is RuAF",
        "it is not so that it says “tanks”",
    )


def test_a_kind_points_at_the_word_that_said_it() -> None:
    found = match("kind:air_strike")
    assert found is not None
    assert found.reasons[0].spans == ((8, 12),)


def test_a_label_that_no_word_says_outright_points_at_the_words_of_its_family() -> None:
    terms = (
        Term("RuAF", 0, 4, "party:russian_air_force/forces"),
        Term("hit", 5, 8, "act:strike"),
        Term("no", 9, 11, "cue:no"),
    )
    tags = Tags(kind="air_strike", claim="denial", actors=("RuAF",), terms=terms)
    found = match("kind:air_strike claim:denial actor:RuAF", words(tags=tags))
    assert found is not None
    assert [reason.spans for reason in found.reasons] == [((5, 8),), ((9, 11),), ((0, 4),)]


def test_a_place_says_which_place_and_how_far() -> None:
    found = match("near:Idlib~40km")
    assert found is not None
    (reason,) = found.reasons
    assert (reason.place_id, reason.spans) == ("p:jisr", ((17, 33),))
    assert reason.distance_km == pytest.approx(31, abs=4)
    assert "km from Idlib (at most 40 km)" in reason.says


def test_of_alternatives_those_that_hold_are_given() -> None:
    found = match("tanks OR jets OR syria")
    assert found is not None
    assert [reason.term for reason in found.reasons] == ["jets", "syria"]


def test_a_place_that_is_only_context_is_not_where_it_happened() -> None:
    tags = Tags(kind="air_strike", claim="report", places=(tagged_place("p:jisr", role="context"),))
    assert match("near:Idlib~100km", words(tags=tags)) is None
    assert match("place:Syria", words(tags=tags)) is None


def test_a_report_from_somewhere_in_a_region_is_near_no_town() -> None:
    tags = Tags(kind="air_strike", claim="report", places=(tagged_place("r:idlib"),))
    post = words(tags=tags)
    assert match('near:"Jisr al-Shughour"~60km', post) is None
    assert match('near:"Jisr al-Shughour"~90km', post) is not None
    assert match("place:Idlib", post) is not None


def test_the_countryside_of_a_town_is_near_it_however_small_the_distance() -> None:
    tags = Tags(kind="air_strike", claim="report", places=(tagged_place("p:jisr", radius_km=15.0),))
    assert match('near:"Jisr al-Shughour"~1km', words(tags=tags)) is not None


def test_the_platforms_language_goes_before_the_one_that_was_read() -> None:
    assert match("lang:he", words(lang="iw")) is not None
    assert match("lang:pt", words(lang="pt-BR")) is not None
    assert match("lang:en", words(lang="und")) is not None
    assert match("lang:en", words(lang=None)) is not None


def test_the_empty_rule_takes_reports_only() -> None:
    assert match("", words(tags=Tags(claim="threat"))) is None
    found = match("")
    assert found is not None
    assert found.sentences() == ("it reports an event, and this watch takes every report",)


def test_a_post_that_says_one_word_3000_times_is_matched_in_good_time() -> None:
    post = words("ab " * 3_000)
    start = time.process_time()
    found = match('"ab ab ab ab ab ab" -"ab cd"', post)
    assert time.process_time() - start < 0.2
    assert found is not None
    assert len(found.reasons[0].spans) == MOST_SPANS
