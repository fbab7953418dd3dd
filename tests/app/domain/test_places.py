"""Where a post says it happened: the desk's own examples, and what no text may do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.places import find_places
from app.domain.text import read_text
from app.messages import PlaceTag
from tests.builders import small_gazetteer

GAZETTEER = small_gazetteer()


def places(text: str, **options: object) -> tuple[PlaceTag, ...]:
    home = frozenset(str(options.get("home", "")).split())
    lang = options.get("lang")
    return find_places(
        read_text(text, GAZETTEER.split_hashtag), GAZETTEER, lang=str(lang) if lang else None, home_countries=home
    )


def told(text: str, **options: object) -> dict[str, str]:
    return {tag.place_id: tag.role for tag in places(text, **options)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reports of Russian #RuAF strikes near Jisr al Shughour #Syria", {"p:jisr": "event", "c:SY": "context"}),
        (
            "Russian jets are back over #JisrShoghur in Idlib, the first time in 22 days",
            {"p:jisr": "event", "r:idlib": "context"},
        ),
        ("President Assad of Syria must not recklessly attack Idlib Province", {"c:SY": "context", "r:idlib": "event"}),
        ("Moscow denies striking Idlib", {"p:moscow": "context", "p:idlib": "event"}),
        ("Russia could launch airstrikes on Idlib within days, analysts warn", {"c:RU": "context", "p:idlib": "event"}),
        ("غارات روسية على محيط جسر الشغور بريف إدلب", {"p:jisr": "event", "r:idlib": "context"}),
        ("طائرات سورية تقصف قرية إنب", {"p:inab": "event"}),
        ("موسكو تنفي قصف إدلب", {"p:moscow": "context", "p:idlib": "event"}),
        (
            "Jets took off from Hmeimim and bombed Muhambal and Basanqul, wounded taken to hospital in Idlib",
            {"p:hmeimim": "context", "p:muhambal": "event", "p:basanqul": "event", "r:idlib": "context"},
        ),
        ("strikes on Ariha in Idlib", {"p:ariha": "event", "r:idlib": "context"}),
        ("strikes in Ariha, Palestine", {"p:jericho": "event", "c:PS": "context"}),
        ("Вибухи у Харкові, удар по Бахмуту", {"p:kharkiv": "event", "p:bakhmut": "event"}),
        ("Обстріл Бахмута Донецької області", {"p:bakhmut": "event", "r:donetsk": "context"}),
        ("#جسر_الشغور #خانشيخون", {"p:jisr": "event", "p:khan": "event"}),
        (
            "Shelling of Khan Sheikhoon and Jisr al Choghour, Syria",
            {"p:khan": "event", "p:jisr": "event", "c:SY": "context"},
        ),
        ("#prayforidlib", {"p:idlib": "event"}),
        ("Israel strikes Damascus", {"c:IL": "context", "p:damascus": "event"}),
        ("Strikes on Basanqul, east of Jisr al-Shughur", {"p:basanqul": "event", "p:jisr": "context"}),
        ("Shelling of Muhambal near Jisr al-Shughur", {"p:muhambal": "event", "p:jisr": "context"}),
        ("غارات على بسنقول بريف جسر الشغور", {"p:basanqul": "event", "p:jisr": "context"}),
        ("Strikes near Basanqul and near Jisr al-Shughur", {"p:basanqul": "event", "p:jisr": "event"}),
        ("Damascus: Israeli strike near Ariha", {"p:damascus": "context", "p:ariha": "event"}),
        (
            "Bus bombed in southern Turkey #Damascus #Kharkiv",
            {"c:TR": "event", "p:damascus": "context", "p:kharkiv": "context"},
        ),
        ("Turkey shells a village #Ariha #Syria", {"c:TR": "context", "p:ariha": "event", "c:SY": "context"}),
        ("Airstrike on a hospital in Ariha, Syria", {"p:ariha": "event", "c:SY": "context"}),
        ("قصف مستشفيات في حلب", {"p:aleppo": "event"}),
        (
            "Wounded taken to hospital in Damascus after a strike on Ariha, Syria",
            {"p:damascus": "context", "p:ariha": "event", "c:SY": "context"},
        ),
        ("Lebanon's Hezbollah fires rockets at northern Israel", {"c:LB": "context", "c:IL": "event"}),
        (
            "According to the ministry in Moscow, jets struck Ariha, Syria",
            {"p:moscow": "context", "p:ariha": "event", "c:SY": "context"},
        ),
        ("Agency, Damascus: air strike on Ariha", {"p:damascus": "context", "p:ariha": "event"}),
        ("تقول صحيفة دمشق إن أريحا قصفت", {"p:damascus": "context", "p:ariha": "event"}),
        ("Ariha: strike kills 3 in Idlib countryside", {"p:ariha": "event", "r:idlib": "context"}),
    ],
)
def test_places_and_their_roles(text: str, expected: dict[str, str]) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Russian and Syrian jets, #RuAF and #SyAAF, hit targets",
        "الطائرات الروسية والسورية تقصف",
        "I ran home and saw us at the gate",
        "Nothing to see here",
        "",
        "#",
        "@Idlib https://example.org/Aleppo",
        "She likes the hama beads and a gazan meal",
    ],
)
def test_what_names_no_place(text: str) -> None:
    assert told(text) == {}


@pytest.mark.parametrize("text", ["#RuAF strikes on Idlib", "Russian warplanes hit Saraqib", "طيران روسي يقصف سراقب"])
def test_russians_never_put_a_strike_in_moscow(text: str) -> None:
    assert {tag.country for tag in places(text)} == {"SY"}


@pytest.mark.parametrize(
    ("text", "relation", "more_than"),
    [
        ("strike on Saraqib", "in", 0.0),
        ("strike near Saraqib", "near", 5.0),
        ("strike in the countryside of Saraqib", "countryside", 10.0),
        ("shelling 5 km north of Saraqib", "N of", 8.0),
        ("shelling southeast of Saraqib", "SE of", 8.0),
        ("قصف على أطراف سراقب", "near", 5.0),
        ("قصف بريف سراقب", "countryside", 10.0),
        ("قصف شمال سراقب", "N of", 8.0),
        ("удар під Бахмутом", "near", 5.0),
    ],
)
def test_a_relation_widens_the_area(text: str, relation: str, more_than: float) -> None:
    (tag,) = places(text)
    assert tag.relation == relation
    assert tag.radius_km >= more_than
    assert tag.radius_km < 40


def test_a_name_of_two_places_keeps_the_other_as_runner_up() -> None:
    (tag,) = places("explosion in Ariha")
    assert {tag.place_id, *(other.place_id for other in tag.alternatives)} == {"p:ariha", "p:jericho"}
    assert tag.confidence < 0.9
    assert tag.confidence > tag.alternatives[0].confidence > 0


def test_the_country_an_author_writes_about_decides_between_two() -> None:
    assert "p:ariha" in told("explosion in Ariha", home="SY")
    assert "p:jericho" in told("explosion in Ariha", home="PS")


def test_a_town_named_like_its_region_reaches_further_than_the_town() -> None:
    (tag,) = places("air strikes on Idlib")
    assert (tag.place_id, tag.level) == ("p:idlib", "city")
    assert tag.radius_km > 10
    assert tag.alternatives[0].place_id == "r:idlib"
    (town,) = places("air strikes on the city of Idlib")
    assert town.radius_km < 10


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("strikes on Ma'arrat al-Numan", "Ma'arrat al-Numan"),
        ("قصف بإدلب اليوم", "إدلب"),
        ("قصف إِدلِب اليوم", "إِدلِب"),
        ("#JisrShoghur", "JisrShoghur"),
        ("удар по Харкову.", "Харкову"),
    ],
)
def test_a_surface_is_the_name_as_it_stands(text: str, surface: str) -> None:
    (tag,) = places(text)
    assert text[tag.start : tag.end] == tag.surface == surface


WORDS = st.sampled_from(
    ["Idlib", "Jisr", "al", "Shughur", "near", "Syria", "in", "north", "of", "from", "strikes", "#JisrShoghur", "إدلب", "ريف", "بريف",
     "قرية", "جسر", "الشغور", "Moscow", "says", ",", ".", "\n", "Харкові", "під", "city", "Khan", "Shaykhun", "🙂", "5", "km", "hospital"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=200))
def test_tags_are_disjoint_in_order_and_within_their_bounds(text: str) -> None:
    read = read_text(text, GAZETTEER.split_hashtag)
    end = 0
    for tag in find_places(read, GAZETTEER, lang=None):
        assert end <= tag.start < tag.end <= len(text)
        assert text[tag.start : tag.end] == tag.surface
        assert 0 < tag.confidence <= 1
        assert tag.radius_km > 0
        assert tag.role in {"event", "context"}
        assert tag.relation in {"in", "near", "countryside"} or tag.relation.endswith(" of")
        assert sum(other.confidence for other in tag.alternatives) <= 1
        end = tag.end


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_the_same_text_gives_the_same_tags(text: str) -> None:
    assert places(text) == places(text)
