"""Look-ups find a name in every spelling and script, the more prominent place first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.gazetteer import Gazetteer
from app.domain.gazetteer_index import MOST_SHARING, PlaceRow, build_index, open_sections
from app.domain.text import words
from tests.builders import place_rows, small_gazetteer

GAZETTEER = small_gazetteer()


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("Jisr al-Shughour", "p:jisr"),
        ("jisr ech choghour", "p:jisr"),
        ("JisrShoghur", "p:jisr"),
        ("جسر الشغور", "p:jisr"),
        ("بخان شيخون", "p:khan"),
        ("خانشيخون", "p:khan"),
        ("وبالرقة", "p:raqqa"),
        ("МОСКВА", "p:moscow"),
        ("Sana'a", "p:sanaa"),
        ("Idlib Governorate", "r:idlib"),
    ],
)
def test_a_name_leads_to_its_place(name: str, best: str) -> None:
    assert GAZETTEER.lookup(name)[0].place_id == best


def test_every_name_of_every_row_is_found() -> None:
    for row in place_rows():
        for name in (row.name, *row.names):
            assert row.place_id in {place.place_id for place in GAZETTEER.lookup(name)}, name


def test_a_shared_name_lists_the_more_peopled_place_first() -> None:
    assert [place.place_id for place in GAZETTEER.lookup("Ariha")] == ["p:ariha", "p:jericho"]


def test_a_place_keeps_what_its_row_says() -> None:
    place = GAZETTEER.get("p:jisr")
    assert place is not None
    assert (place.name, place.country, place.lat, place.lon) == ("Jisr ash-Shughur", "SY", 35.8142, 36.3198)
    assert (place.level, place.population, place.parents) == ("city", 44_000, ("r:idlib", "c:SY"))
    assert place.radius_km == 2.0
    assert GAZETTEER.get("p:nowhere") is None


@pytest.mark.parametrize("name", ["", " ", "#", "Nowhereville", "x" * 5000, "\u200b", "a b c d e f g h i j"])
def test_what_is_no_name_finds_nothing(name: str) -> None:
    assert GAZETTEER.lookup(name) == ()


@given(st.text(max_size=60))
def test_no_string_makes_a_look_up_raise(name: str) -> None:
    GAZETTEER.lookup(name)
    GAZETTEER.split_hashtag(name)
    GAZETTEER.get(name)


@pytest.mark.parametrize(
    ("body", "spans"),
    [
        ("jisrshughur", ((0, 11),)),
        ("prayforidlib", ((7, 12),)),
        ("خانشيخون", ((0, 8),)),
        ("breaking", None),
        ("idlib", ((0, 5),)),
    ],
)
def test_a_glued_hashtag_is_split_at_known_names(body: str, spans: tuple[tuple[int, int], ...] | None) -> None:
    assert GAZETTEER.split_hashtag(body) == spans


def test_the_first_word_table_never_misses_the_start_of_a_name() -> None:
    for row in place_rows():
        for name in (row.name, *row.names):
            norms = words(name)
            assert GAZETTEER.longest_from(norms[0]) >= len(norms)


def test_a_name_that_hundreds_share_keeps_the_most_peopled() -> None:
    rows = [PlaceRow(f"x:{n}", "San Jose", "CR", 10, -84, "village", n) for n in range(MOST_SHARING + 50)]
    found = Gazetteer.from_places(rows).lookup("San Jose")
    assert len(found) == MOST_SHARING
    assert found[0].population == MOST_SHARING + 49


@pytest.mark.parametrize("cut", [0, 1, 31, 100, -1, -9, -5000])
def test_an_index_that_was_cut_short_is_refused(cut: int) -> None:
    whole = build_index(place_rows())
    with pytest.raises(ValueError, match=r"index|short"):
        open_sections(memoryview(whole[:cut]))


def test_an_index_of_another_version_is_refused_by_name() -> None:
    whole = bytearray(build_index(place_rows()))
    whole[7] = 99
    with pytest.raises(ValueError, match="version 99"):
        open_sections(memoryview(bytes(whole)))


def test_an_empty_gazetteer_answers() -> None:
    empty = Gazetteer.from_places([])
    assert (len(empty), empty.lookup("Idlib"), empty.split_hashtag("idlib")) == (0, (), None)
