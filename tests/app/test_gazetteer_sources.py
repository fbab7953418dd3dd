"""How rows of several sources become one gazetteer: regions found, towns joined, parents rooted."""

import pytest

from app.domain.gazetteer_index import PlaceRow
from app.domain.place_table import read_table
from app.gazetteer_sources import (
    _cities,
    _countries,
    _join_towns,
    _own_table,
    _regions_of,
    _rooted,
    _usable,
    _with_spread,
)

CITIES = [
    {"geonameid": n, "name": name, "latitude": lat, "longitude": lon, "countrycode": "SY", "population": people, "admin1code": code, "alternatenames": names}
    for n, name, lat, lon, people, code, names in (
        (1, "Idlib", 35.93, 36.63, 165_000, "12", ["Idleb", "إدلب"]),
        (2, "Jisr ash Shughur", 35.81, 36.32, 44_000, "12", []),
        (3, "Hama", 35.13, 36.76, 460_000, "10", []),
        (4, "Morek", 35.37, 36.69, 14_000, "10", []),
    )
]  # fmt: skip
REGIONS = [
    PlaceRow("iso:SY-ID", "Idlib Governorate", "SY", 35.87, 36.55, "region"),
    PlaceRow("iso:SY-HM", "Hama Governorate", "SY", 35.29, 37.25, "region"),
]


def test_a_code_of_geonames_is_the_region_whose_middle_is_nearest() -> None:
    home = _regions_of(CITIES, REGIONS)
    assert home["SY", "12"] == "iso:SY-ID"
    assert home["SY", "10"] == "iso:SY-HM"


def test_a_numeric_code_is_never_taken_for_an_iso_code() -> None:
    far = [PlaceRow("iso:SY-12", "Elsewhere", "SY", 32.0, 40.0, "region"), *REGIONS]
    assert _regions_of(CITIES, far)["SY", "12"] == "iso:SY-ID"


def test_a_region_gets_the_people_and_the_spread_of_its_settlements() -> None:
    home = _regions_of(CITIES, REGIONS)
    idlib = next(_with_spread(REGIONS, CITIES, home))
    assert idlib.population == 209_000
    assert idlib.radius_km is not None
    assert 10 <= idlib.radius_km <= 40


def test_a_city_is_a_child_of_its_region_and_a_capital_where_it_is_one() -> None:
    cities = list(_cities(CITIES, _regions_of(CITIES, REGIONS), {"Hama": "SY"}))
    assert cities[0].parents == ("iso:SY-ID", "country:SY")
    assert [city.capital for city in cities] == [False, False, True, False]
    assert cities[3].level == "city"


def test_a_village_of_ours_joins_the_town_it_is_and_gives_it_its_names() -> None:
    town = PlaceRow("gn:1", "Muḩambal", "SY", 35.787, 36.472)
    ours = PlaceRow("own:muhambal", "Muhambal", "SY", 35.79, 36.47, population=5000, names=("محمبل",))
    other = PlaceRow("own:other", "Muhambal", "SY", 33.0, 36.0)
    joined = _join_towns([town, ours, other])
    assert [row.place_id for row in joined] == ["gn:1", "own:other"]
    assert "محمبل" in joined[0].names
    assert joined[0].population == 5000


def test_parents_are_rooted_in_the_country_and_what_is_not_there_is_left_out() -> None:
    rows = [
        PlaceRow("country:SY", "Syria", "SY", 35, 38, "country"),
        PlaceRow("r", "Region", "SY", 35, 36, "region", parents=("country:SY",)),
        PlaceRow("v", "Village", "SY", 35, 36, parents=("r",)),
        PlaceRow("w", "Wanderer", "SY", 35, 36, parents=("gone",)),
    ]
    assert {row.place_id: row.parents for row in _rooted(rows)} == {"country:SY": (), "r": ("country:SY",), "v": ("r", "country:SY"), "w": ("country:SY",)}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kept"),
    [("mwskw", False), ("LON", False), ("Moskau", True), ("إدلب", True), ("東京", False), ("Ko", False)],
)
def test_names_that_nobody_writes_are_left_out(name: str, kept: bool) -> None:
    assert list(_usable([name])) == ([name] if kept else [])


def test_a_country_across_the_date_line_has_its_middle_in_it() -> None:
    entry = {"name": "Fiji", "areakm2": 18_270, "population": 900_000, "capital": "Suva"}
    cities = [{"countrycode": "FJ", "latitude": -17.0, "longitude": lon} for lon in (178.0, 179.0, -179.0)]
    (fiji,) = _countries({"FJ": entry}, cities)
    assert 178 <= fiji.lon <= 180
    assert "Фіджі" in fiji.names


@pytest.mark.parametrize("name", ["regions.tsv", "places.tsv"])
def test_the_packaged_tables_are_whole_and_name_parents_that_exist(name: str) -> None:
    rows = list(_own_table(name))
    assert len(rows) > 150
    known = {row.place_id for table in ("regions.tsv", "places.tsv") for row in _own_table(table)}
    parents = {parent for row in rows for parent in row.parents if not parent.startswith("country:")}
    assert parents <= known


def test_a_packaged_table_is_in_the_form_that_an_extra_file_has() -> None:
    assert (
        read_table(b"id\tname\tcountry\tlat\tlon\tlevel\nx:1\tHere\tSY\t35\t36\tsite\n", "mine.tsv")[0].level == "site"
    )
