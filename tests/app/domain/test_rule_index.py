"""The fast path finds exactly what asking every rule finds."""

from __future__ import annotations

import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rule_index import RuleIndex, WatchSet, watches_version
from app.domain.rule_match import CompiledRule, PostWords
from app.domain.rule_places import compile_rule
from app.domain.rules import parse_rule
from app.domain.text import read_text
from app.domain.watches import ALL_WATCH, Watch
from app.messages import PlaceTag, Post, Tags
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()
VOCABULARY = ("idlib", "hama", "strike", "raid", "إدلب", "قصف", "удар", "al-bab", "film")
PLACES = ("p:jisr", "p:idlib", "p:damascus", "r:idlib", "c:SY")

terms = st.sampled_from(
    [
        *VOCABULARY,
        '"strike idlib"',
        '"قصف إدلب"',
        "#idlib",
        "@desk",
        "from:eve",
        "lang:ar",
        "kind:air_strike",
        "claim:report",
        "actor:RuAF",
        "near:Idlib~40km",
        'near:"Jisr al-Shughour"~60km',
        "place:Idlib",
        "place:Syria",
    ]
)
rules = st.recursive(
    terms,
    lambda inner: st.one_of(
        inner.map(lambda part: f"-({part})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: f"({' OR '.join(parts)})"),
    ),
    max_leaves=12,
)


def place_tag(place_id: str, role: str) -> PlaceTag:
    place = GAZETTEER.get(place_id)
    assert place is not None
    return PlaceTag(
        surface=place.name,
        start=0,
        end=1,
        place_id=place_id,
        name=place.name,
        country=place.country,
        lat=place.lat,
        lon=place.lon,
        radius_km=place.radius_km,
        confidence=1.0,
        role=role,
        relation="in",
        level=place.level,
    )


place_tags = st.builds(place_tag, st.sampled_from(PLACES), st.sampled_from(["event", "context"]))
posts = st.builds(
    lambda said, author, lang, tags: PostWords(
        Post("x:1", "1", "x", author, text=" ".join(said), lang=lang), read_text(" ".join(said)), tags
    ),
    st.lists(st.sampled_from([*VOCABULARY, "وإدلب", "#Idlib", "#StrikeIdlib", "@desk", "and", "."]), max_size=10),
    st.sampled_from(["eve", "adam"]),
    st.sampled_from(["ar", "en", None]),
    st.builds(
        Tags,
        lang=st.sampled_from(["ar", "und"]),
        kind=st.sampled_from(["air_strike", "none"]),
        claim=st.sampled_from(["report", "none"]),
        actors=st.sampled_from([(), ("RuAF",)]),
        places=st.lists(place_tags, max_size=2).map(tuple),
    ),
)


def compiled(text: str) -> CompiledRule:
    return compile_rule(parse_rule(text), GAZETTEER)


def asked_one_by_one(given_rules: dict[str, CompiledRule], post: PostWords) -> list[str]:
    return [name for name, rule in given_rules.items() if rule.match_words(post) is not None]


def can_match_without_a_term(rule: CompiledRule) -> bool:
    bare = PostWords(Post("x:0", "0", "x", "nobody"), read_text(""), Tags(lang="zz"))
    return rule.match_words(bare) is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(rules, min_size=1, max_size=12), st.lists(posts, min_size=1, max_size=4))
def test_the_index_finds_what_asking_every_rule_finds(texts: list[str], many: list[PostWords]) -> None:
    usable = {str(number): compiled(text) for number, text in enumerate(texts)}
    usable = {name: rule for name, rule in usable.items() if not can_match_without_a_term(rule)}
    usable["empty"] = compiled("")
    index = RuleIndex(usable)
    for post in many:
        assert index.matching(post) == asked_one_by_one(usable, post)


def test_three_thousand_rules_are_compiled_and_asked_within_their_budgets() -> None:
    chance = random.Random(7)
    names = [f"word{number}" for number in range(5_000)]
    watches = [
        Watch(
            str(number),
            f"{chance.choice(names)} ({chance.choice(names)} OR {chance.choice(names)}) -{chance.choice(names)}",
        )
        for number in range(3_000)
    ]
    start = time.process_time()
    watch_set = WatchSet(watches, GAZETTEER)
    built = time.process_time() - start
    text = " ".join(chance.choices(names, k=40))
    words = PostWords(Post("x:1", "1", "x", "eve", text=text), read_text(text), Tags())
    start = time.process_time()
    for _ in range(20):
        watch_set.hits(words)
    asked = (time.process_time() - start) / 20
    assert not watch_set.refused
    assert built < 3  # seconds of CPU; 0.4 on an idle machine
    assert asked < 0.005


def test_a_set_of_no_watches_is_the_watch_for_everything() -> None:
    watch_set = WatchSet((), GAZETTEER)
    post = Post("x:1", "1", "x", "eve", text="strike on Idlib")
    found = watch_set.match(post, read_text(post.text), Tags(claim="report"))
    assert list(found) == ["all"]
    assert watch_set.get("all") == ALL_WATCH


def test_each_watch_that_matches_gives_its_own_reasons() -> None:
    watch_set = WatchSet(
        [Watch("Idlib", "idlib strike"), Watch("Hama", "hama"), Watch("Both", "idlib OR hama")], GAZETTEER
    )
    post = Post("x:1", "1", "x", "eve", text="Strike on Idlib")
    found = watch_set.match(post, read_text(post.text), Tags())
    assert {name: match.sentences() for name, match in found.items()} == {
        "Idlib": ("it says “Idlib”", "it says “Strike”"),
        "Both": ("it says “Idlib”",),
    }


def test_a_rule_that_cannot_be_used_matches_nothing_and_stops_no_other() -> None:
    watch_set = WatchSet([Watch("bad", "near:Xyzzyqwv"), Watch("good", "idlib")], GAZETTEER)
    post = Post("x:1", "1", "x", "eve", text="idlib")
    assert list(watch_set.match(post, read_text(post.text), Tags(claim="report"))) == ["good"]
    assert list(watch_set.refused) == ["bad"]
    assert watch_set.compiled("bad") is None


def test_the_version_changes_with_names_and_rules_and_with_nothing_else() -> None:
    one, two = Watch("a", "idlib"), Watch("b", "hama")
    version = watches_version([one, two])
    assert version == watches_version([two, one])
    assert version == watches_version([one, Watch("b", "hama", cooldown_s=9, version=4)])
    assert version != watches_version([one])
    assert version != watches_version([one, Watch("b", "hama OR homs")])
    assert version != watches_version([one, Watch("c", "hama")])
