"""A table of places (tab-separated) read strictly: every error of the file is named with its line, and nothing is taken of a bad one.

Columns, in any order, named in the first line that is no comment ("#"): `id`, `name`, `country`, `lat`, `lon` are required;
`level` (default village), `radius_km`, `population`, `parent` (an id), `names` (other spellings, "|" between) and `source` are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from app.domain.gazetteer_index import LEVELS, PlaceRow
from app.errors import GazetteerError

REQUIRED = ("id", "name", "country", "lat", "lon")
COLUMNS = (*REQUIRED, "level", "radius_km", "population", "parent", "names", "source")
MOST_ROWS = 5_000_000
MOST_NAMES = 1_000  # of one place; what is beyond is an error, so that no file can fill the memory
MOST_ERRORS = 50
_LONGEST = 200  # code points of an id or a name


def read_table(content: bytes, name: str) -> list[PlaceRow]:
    """Return the places of a table; raise GazetteerError that lists its first 50 errors, one a line."""
    text = _decode(content, name)
    lines = [
        (number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise GazetteerError(f"{name} is empty: it has no line with column names")
    columns = _columns(name, *lines[0])
    rows: dict[str, PlaceRow] = {}
    at: dict[str, int] = {}
    errors: list[str] = []
    for number, line in lines[1:]:
        if len(errors) >= MOST_ERRORS or len(rows) > MOST_ROWS:
            break
        try:
            row = _row(dict(zip(columns, (field.strip() for field in line.split("\t")), strict=False)), columns)
        except ValueError as error:
            errors.append(f"line {number}: {error}")
            continue
        if row.place_id in rows:
            errors.append(f"line {number}: id {row.place_id} stands in line {at[row.place_id]} too")
        rows[row.place_id] = row
        at[row.place_id] = number
    if len(rows) > MOST_ROWS:
        errors.append(f"more than {MOST_ROWS:,} places")
    errors += _cycles(rows, at)
    if errors:
        more = "" if len(errors) < MOST_ERRORS else " (the first 50 errors)"
        raise GazetteerError(
            f"{name} cannot be used, nothing of it was taken{more}:\n  " + "\n  ".join(errors[:MOST_ERRORS])
        )
    return list(rows.values())


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise GazetteerError(f"{name} is UTF-16: save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise GazetteerError(f"{name} line {line}: not UTF-8") from error


def _columns(name: str, number: int, line: str) -> list[str]:
    columns = [column.strip().lower() for column in line.split("\t")]
    if missing := [column for column in REQUIRED if column not in columns]:
        hint = "" if "\t" in line else " (columns are parted by tabs)"
        raise GazetteerError(f"{name} line {number}: no column {', '.join(missing)}{hint}; the line is: {line[:200]!r}")
    if unknown := [column for column in columns if column not in COLUMNS]:
        raise GazetteerError(f"{name} line {number}: unknown column {unknown[0]!r}; known are {', '.join(COLUMNS)}")
    return columns


def _row(fields: dict[str, str], columns: list[str]) -> PlaceRow:
    if len(fields) < len(REQUIRED) or any(column not in fields for column in REQUIRED):
        raise ValueError(f"{len(fields)} of {len(columns)} columns")
    place_id, name, country = fields["id"], fields["name"], fields["country"].upper()
    for what, value in (("id", place_id), ("name", name)):
        if not 0 < len(value) <= _LONGEST:
            raise ValueError(f"{what} has {len(value)} characters, 1 to {_LONGEST} are allowed")
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ValueError(f"country {country!r} is no two-letter code (ISO 3166)")
    level = fields.get("level") or "village"
    if level not in LEVELS:
        raise ValueError(f"level {level!r} is none of {', '.join(LEVELS)}")
    names = tuple(dict.fromkeys(other for other in map(str.strip, fields.get("names", "").split("|")) if other))
    if len(names) > MOST_NAMES or any(len(other) > _LONGEST for other in names):
        raise ValueError(
            f"{len(names)} names, the longest of {max(map(len, names))} characters; {MOST_NAMES} of {_LONGEST} are allowed"
        )
    radius = _number(fields.get("radius_km", ""), "radius_km", 0.05, 5000)
    return PlaceRow(
        place_id=place_id,
        name=name,
        country=country,
        lat=_needed(fields["lat"], "latitude", 90),
        lon=_needed(fields["lon"], "longitude", 180),
        level=level,
        population=int(_number(fields.get("population", ""), "population", 0, 4e9) or 0),
        radius_km=radius,
        names=names,
        parents=(fields["parent"],) if fields.get("parent") else (),
    )


def _needed(text: str, what: str, limit: float) -> float:
    value = _number(text, what, -limit, limit)
    if value is None:
        raise ValueError(f"{what} is missing")
    return value


def _number(text: str, what: str, low: float, high: float) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{what} {text[:40]!r} is no number") from None
    if not low <= value <= high:  # NaN is out of every range
        raise ValueError(f"{what} {text[:40]} out of range ({low:g} to {high:g})")
    return value


def _cycles(rows: dict[str, PlaceRow], at: dict[str, int]) -> list[str]:
    """Return one error for each chain of parents that comes back to itself."""
    errors = []
    done: set[str] = set()
    for start in rows:
        chain: list[str] = []
        here = start
        while here in rows and here not in done and here not in chain:
            chain.append(here)
            here = rows[here].parents[0] if rows[here].parents else ""
        if here in chain:
            ring = [*chain[chain.index(here) :], here]
            errors.append(f"line {at[here]}: parents go in a circle: {' -> '.join(ring[:10])}")
        done.update(chain)
    return errors


def merge_tables(base: list[PlaceRow], more: Iterable[PlaceRow]) -> list[PlaceRow]:
    """Return `base` with the rows of `more` added; a row with an id that `base` has replaces it and keeps its names."""
    merged = {row.place_id: row for row in base}
    for row in more:
        before = merged.get(row.place_id)
        merged[row.place_id] = (
            replace(row, names=tuple(dict.fromkeys((*row.names, before.name, *before.names)))) if before else row
        )
    return list(merged.values())
