"""With every name of the world in the index: what is a word, a person or somebody else's name is no place, and what is one is the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.gazetteer_file import open_gazetteer
from app.messages import Post


@pytest.fixture(scope="module")
def tagger(gazetteer_file: Path) -> Tagger:
    return Tagger(open_gazetteer(gazetteer_file), load_lexicon())


def named(tagger: Tagger, text: str, role: str = "") -> list[str]:
    tags = tagger.tag(Post(id="x:1", given_id="1", platform="x", author="a", text=text))
    return [f"{place.name}, {place.country}" for place in tags.places if not role or place.role == role]


@pytest.mark.parametrize(
    "text",
    [
        "Man runs for his life as shells land",
        "Police say the Centre is closed",
        "The blast at the Convention Center shook windows",
        "Most of the dead were Trooper cadets",
        "The novel by Harry Truman is out",
        "Vladimir Putin spoke of the strikes",
        "تفقد متطوعو الخوذ البيضاء موقع الغارة",
        "مراسل قناة الجزيرة أصيب بشظية",
        "قصف بالليل والناس كانو نايمين",
        "قال أبو القاسم إن القصف توقف",
        "وصلت إلى الميناء مساعدات بعد الغارة",
        "Тихий ранок, великий обстріл закінчився",
        "Думаю, это начало обстрела",
    ],
)
def test_words_people_and_names_of_others_are_no_places(tagger: Tagger, text: str) -> None:
    assert named(tagger, text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Clashes at Damascus Gate, stun grenades", "Damascus Gate, PS"),
        ("Stun grenades in #SheikhJarrah tonight, clashes go on", "Sheikh Jarrah, PS"),
        ("انفجار هائل يهز مرفأ بيروت", "Port of Beirut, LB"),
        ("Explosion in Oklahoma, three killed", "Oklahoma, US"),
        ("Explosion in Maryland, three killed", "Maryland, US"),
        ("Explosion in Oklahoma City, three killed", "Oklahoma City, US"),
        ("انفجار في روما وإصابة سائح", "Rome, IT"),
        ("Air strike on a hospital in Kafr Nabl", "Kafranbel, SY"),
        ("غارة على سيارة في صور جنوب لبنان", "Tyre, LB"),
        ("قصف مدفعي على ترمانين بريف إدلب", "Turmanin, SY"),
        ("صاروخ من بيلغورود يصيب خاركيف", "Kharkiv, UA"),
        ("Взрыв в России", "Russia, RU"),
        ("Вибух у Росії", "Russia, RU"),
        ("Взрыв в Евпатории", "Yevpatoriya, UA"),
        ("Air strike in Saada kills five #Yemen #PrayForItaly", "Sa'dah, YE"),
    ],
)
def test_the_right_one_of_its_name(tagger: Tagger, text: str, place: str) -> None:
    assert named(tagger, text, "event") == [place]


def test_who_strikes_abroad_is_not_where_it_happened(tagger: Tagger) -> None:
    assert named(tagger, "قتلى مدنيون بقصف لروسيا والنظام", "event") == []
    assert named(tagger, "Explosion in Russia, three killed", "event") == ["Russia, RU"]


def test_a_country_stays_one_beside_its_towns(tagger: Tagger) -> None:
    tags = tagger.tag(
        Post(id="x:1", given_id="1", platform="x", author="a", text="Mexico: gunmen kill five in Tijuana")
    )
    assert [place.place_id for place in tags.places if place.surface == "Mexico"] == ["country:MX"]
