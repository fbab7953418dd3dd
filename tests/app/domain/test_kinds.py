"""What happened: words that say it alone, and acts by what stands beside them."""

from __future__ import annotations

import pytest

from app.domain.kinds import choose_event, find_events
from app.domain.lexicon import load_lexicon
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


def kinds(text: str, country: str | None = None, places: tuple[tuple[int, int], ...] = ()) -> list[str]:
    read = read_text(text)
    return [event.kind for event in find_events(Reading(read, LEXICON, LEXICON.find(read), places, country))]


@pytest.mark.parametrize(
    ("text", "country", "kind"),
    [
        ("Airstrike on the town", None, "air_strike"),
        ("Russian jets hit the town", "SY", "air_strike"),
        ("mortar hit the town", None, "shelling"),
        ("قصف على المدينة", "SY", "shelling"),
        ("قصف روسي على المدينة", "SY", "air_strike"),
        ("قصف روسي على المدينة", "UA", "shelling"),
        ("Explosion after a drone crashed", None, "air_strike"),
        ("Explosion heard", None, "explosion_unspecified"),
        ("Gunmen shot dead a farmer", None, "attack_on_civilians"),
        ("Gunmen shot dead a police officer", None, "armed_clash"),
        ("Rebels attacked a military checkpoint", None, "armed_clash"),
        ("Israeli forces raid a camp", "PS", "armed_clash"),
        ("Protesters shot at by police", None, "protest"),
        ("A 12 minute clash broke out near the village", None, "armed_clash"),
        ("Ворог атакував підстанцію", "UA", "shelling"),
        ("Російські ракети вразили нафтобазу", "UA", "shelling"),
        ("Ворог скинув бомби на селище", "UA", "air_strike"),
        ("Сообщают о ракетной атаке на порт", "UA", "shelling"),
        ("Наліт дронів на нафтобазу", "UA", "air_strike"),
        ("Three civilians killed by an explosion", None, "explosion_unspecified"),
        ("Explosion at a depot full of rockets", None, "explosion_unspecified"),
        ("انفجار مستودع للصواريخ", None, "explosion_unspecified"),
        ("انفجار صاروخ في السوق", None, "shelling"),
        ("هجوم كيماوي على المدينة", "SY", "chemical_weapon"),
        ("قصف المدينة بغازات سامة", "SY", "chemical_weapon"),
        ("انفجار في المرفأ وغازات سامة في الجو", "LB", "explosion_unspecified"),
        ("Police: the parade was bombed twice", "US", "remote_explosive"),
        ("Coalition jets: the parade was bombed twice", "US", "air_strike"),
        ("#HarbourExplosion: a plane with aid lands", None, "explosion_unspecified"),
    ],
)
def test_the_words_around_an_act_tell_its_kind(text: str, country: str | None, kind: str) -> None:
    read = read_text(text)
    events = find_events(Reading(read, LEXICON, LEXICON.find(read), (), country))

    assert choose_event(events).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "Typhoon hits the coast", "The storm struck the islands", "Fires destroyed the town", "She targeted a new record",
        "Israel offers aid to the victims", "He fired his assistant", "They dropped the case", "Firefighters at work #bushfires",
        "Her truck wound up in a ditch", "He has a new offensive system", "The band plays Riot Fest", "سقوط برميل مياه على السطح",
        "صور جوية للميناء", "Dustin Lynch is on tour",
    ],
)  # fmt: skip
def test_acts_without_arms_are_no_events(text: str) -> None:
    assert kinds(text) == []


def test_a_strike_needs_something_it_was_aimed_at() -> None:
    assert kinds("strikes on Saraqib", places=((2, 2),)) == ["air_strike"]
    assert kinds("strikes") == []


def test_a_weapon_of_somebody_upon_a_place_has_struck_it() -> None:
    assert kinds("Two shells by regime forces on Saraqib", "SY", places=((6, 6),)) == ["shelling"]
    assert kinds("Two shells by regime forces", "SY") == []


def test_the_most_telling_event_of_a_sentence_is_chosen() -> None:
    read = read_text("convoy enters after explosion and shelling")
    events = find_events(Reading(read, LEXICON, LEXICON.find(read)))

    assert choose_event(events).kind == "shelling"


def test_poison_comes_before_what_carried_it() -> None:
    assert "chemical_weapon" in kinds("chlorine barrels dropped by a helicopter hit the town")
