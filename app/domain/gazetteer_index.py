"""The gazetteer's index: one buffer that holds every place, name and look-up key, built once and then only mapped.

Layout, little-endian: magic, header length, header (JSON: sections and facts), sections at 64-byte borders, trailer (the whole
length and the magic again). A file that was cut while it was written has no trailer and is refused. Keys are sorted 64-bit
hashes with a directory of their upper bits, so that a look-up touches two or three memory pages and no Python object is kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import pi, sqrt
from typing import Any

import msgspec
import numpy as np

from app.domain.name_keys import ARTICLES, SKELETON_MIN, key_hash, skeleton, stem, without_articles
from app.domain.text import fold, words

MAGIC = b"WDGAZ\x00\x00"
VERSION = 3
LEVELS = ("country", "region", "district", "city", "village", "neighbourhood", "site")
MOST_WORDS = 6  # in a name that is looked up; longer official names are never written out in a post
MOST_SHARING = 200  # places kept for one key: "San Jose" names more, the least peopled fall out
STARTS_PER_PLACE = (
    16  # slots of the first-word table: at most one false start in a dozen words, and that costs one probe
)
_ALIGN = 64

Progress = Callable[[str, int, int], None]
"""Told (step, done, total) now and then while an index is built."""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A place as it is given to the index. `radius_km` None: from level and population. `names`: all other names, any script.

    `parents` are place ids, the nearest first. `skeletons`: whether its transliterations vary (Arabic, Cyrillic, Hebrew lands).
    `capital`: whether it is the seat of a country's government.
    """

    place_id: str
    name: str
    country: str
    lat: float
    lon: float
    level: str = "village"
    population: int = 0
    radius_km: float | None = None
    names: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    skeletons: bool = True
    capital: bool = False


def default_radius(level: str, population: int) -> float:
    """Return the radius in km of a settlement at 4,000 people a square km, at least what its kind takes up."""
    built = sqrt(max(population, 0) / 4000 / pi)
    floor = {
        "country": 300.0,
        "region": 60.0,
        "district": 20.0,
        "city": 2.0,
        "village": 1.5,
        "neighbourhood": 1.0,
        "site": 1.5,
    }[level]
    return round(max(floor, built), 1) if level not in {"country", "region", "district"} else floor


@dataclass
class _Keys:
    """Key hashes with the place they lead to: value = place index * 2 + (1 where the name is not the place's own)."""

    hashes: array[int] = field(default_factory=lambda: array("Q"))
    values: array[int] = field(default_factory=lambda: array("I"))

    def add(self, kind: str, key: str, value: int) -> None:
        self.hashes.append(key_hash(kind, key))
        self.values.append(value)


def build_index(
    rows: Iterable[PlaceRow], facts: dict[str, Any] | None = None, progress: Progress | None = None
) -> bytes:
    """Return the index of `rows`, the more prominent first where names are shared. Raises ValueError on a level that is none."""
    places = sorted(rows, key=lambda row: (LEVELS.index(row.level) > 2, -row.population, row.place_id))
    number = {row.place_id: index for index, row in enumerate(places)}
    keys = _Keys()
    starts = np.zeros(1 << max(10, (len(places) * STARTS_PER_PLACE - 1).bit_length()), np.uint8)
    for index, row in enumerate(places):
        _add_names(keys, starts, index, row)
        if progress and index % 4096 == 0:
            progress("names", index, len(places))
    sections = {**_place_sections(places, number), **_key_sections(keys), "starts": starts}
    if progress:
        progress("names", len(places), len(places))
    return _pack(sections, {"places": len(places), **(facts or {})})


def start_slot(norm: str, slots: int) -> int:
    """Return the slot of a name's first word in a first-word table of `slots` (a power of two)."""
    return key_hash("w", norm) >> (65 - slots.bit_length())


def _add_names(keys: _Keys, starts: np.ndarray[Any, np.dtype[np.uint8]], index: int, row: PlaceRow) -> None:
    keys.add("i", row.place_id, index * 2)
    seen: set[tuple[str, str]] = set()
    names: dict[str, str] = {}
    for name in (row.name, *row.names):
        names.setdefault(fold(name), name)
    for position, name in enumerate(names.values()):
        norms = words(name)
        if not 0 < len(norms) <= MOST_WORDS or max(map(len, norms)) > 40:
            continue
        value = index * 2 + (position > 0)
        bare = without_articles(norms)
        forms = [("n", " ".join(norms)), ("n", " ".join(bare)), ("j", "".join(norms)), ("j", "".join(bare))]
        first_words = [norms[0], bare[0]]
        if "\u0400" <= norms[0][0] <= "\u04ff":
            stems = [stem(norm) for norm in norms]
            forms.append(("t", " ".join(stems)))
            first_words.append(stems[0])
        if row.skeletons and len(bones := skeleton(norms)) >= SKELETON_MIN:
            forms.append(("s", bones))
        for form in forms:
            if form not in seen:
                seen.add(form)
                keys.add(*form, value)
        for start in _starts(norms, first_words):
            slot = start_slot(start, len(starts))
            starts[slot] = max(starts[slot], len(norms))


def _starts(norms: Sequence[str], first_words: Iterable[str]) -> Iterator[str]:
    """Yield what a name begins with: its first word in each form, and each of those with the next word that is no article."""
    second = next((norm for norm in norms[1:] if norm not in ARTICLES), None)
    for first in first_words:
        yield first
        if second is not None and first != second:
            yield pair_start(first, second)
    if second is not None and norms[0] in ARTICLES:  # "al bab al sharqi" without its first article
        bare = without_articles(norms)
        if len(bare) > 1:
            yield pair_start(bare[0], bare[1])


def pair_start(first: str, second: str) -> str:
    """Return the key of a name's first two words in the first-word table; the second without "ال"."""
    return f"{first} {second[2:] if second.startswith('ال') and len(second) > 4 else second}"


def _place_sections(places: Sequence[PlaceRow], number: dict[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    strings = bytearray()
    ends = array("I", [0])
    for row in places:
        strings += f"{row.place_id}\t{row.name}".encode()
        ends.append(len(strings))
    radii = (
        row.radius_km if row.radius_km is not None else default_radius(row.level, row.population) for row in places
    )
    parents = np.full((len(places), 2), -1, np.int32)
    for index, row in enumerate(places):
        for column, parent in enumerate([number[p] for p in row.parents if p in number and p != row.place_id][:2]):
            parents[index, column] = parent
    return {
        "lat": np.array([row.lat for row in places], np.float32),
        "lon": np.array([row.lon for row in places], np.float32),
        "radius": np.fromiter(radii, np.float32, len(places)),
        "population": np.array([min(row.population, 2**32 - 1) for row in places], np.uint32),
        "level": np.array([LEVELS.index(row.level) for row in places], np.uint8),
        "country": np.frombuffer("".join(f"{row.country[:2]:2}" for row in places).encode("ascii"), np.uint16),
        "parents": parents.ravel(),
        "capital": np.array([row.capital for row in places], np.uint8),
        "strings": np.frombuffer(bytes(strings), np.uint8),
        "string_ends": np.array(ends, np.uint32),
    }


def _key_sections(keys: _Keys) -> dict[str, np.ndarray[Any, Any]]:
    """Sort the keys, gather what shares one (places are numbered by prominence, so their order is right), and cut the tails."""
    hashes = np.frombuffer(keys.hashes, np.uint64)
    values = np.frombuffer(keys.values, np.uint32)
    order = np.lexsort((values, hashes))
    hashes, values = hashes[order], values[order]
    unique, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    rank = np.arange(len(hashes)) - np.repeat(first, counts)
    values = values[rank < MOST_SHARING]
    bits = max(8, len(unique).bit_length() - 1)
    directory = np.searchsorted(unique, np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)).astype(np.uint32)
    return {
        "keys": unique,
        "directory": np.append(directory, np.uint32(len(unique))),
        "postings": values,
        "posting_ends": np.append(np.uint32(0), np.cumsum(np.minimum(counts, MOST_SHARING)).astype(np.uint32)),
    }


def _pack(sections: dict[str, np.ndarray[Any, Any]], facts: dict[str, Any]) -> bytes:
    table: dict[str, tuple[int, int, str]] = {}
    body = bytearray()
    for name, values in sections.items():
        body += bytes(-len(body) % _ALIGN)
        table[name] = (len(body), values.nbytes, values.dtype.str)
        body += values.tobytes()
    header = msgspec.json.encode({"version": VERSION, "sections": table, "facts": facts})
    header += b" " * (-(len(MAGIC) + 9 + len(header)) % _ALIGN)
    head = MAGIC + bytes([VERSION]) + len(header).to_bytes(8, "little") + header
    total = len(head) + len(body) + 16
    return b"".join((head, body, total.to_bytes(8, "little"), MAGIC, bytes([VERSION])))


def open_sections(buffer: memoryview) -> tuple[dict[str, memoryview], dict[str, Any]]:
    """Return the sections of an index (typed views into `buffer`) and its facts; raise ValueError where it is not whole."""
    mark = MAGIC + bytes([VERSION])
    if len(buffer) < 32 or bytes(buffer[:7]) != MAGIC:
        raise ValueError("this is not a gazetteer index")
    if buffer[7] != VERSION:
        raise ValueError(f"the index has version {buffer[7]}, this build reads {VERSION}")
    if bytes(buffer[-8:]) != mark or int.from_bytes(buffer[-16:-8], "little") != len(buffer):
        raise ValueError("the index is cut short: it was not written to its end")
    length = int.from_bytes(buffer[8:16], "little")
    header = msgspec.json.decode(bytes(buffer[16 : 16 + length]))
    base = 16 + length
    sections = {
        name: buffer[base + at : base + at + size].cast(_CODES[dtype])  # type: ignore[call-overload]
        for name, (at, size, dtype) in header["sections"].items()
    }
    return sections, header["facts"]


_CODES = {"<f4": "f", "<u4": "I", "<i4": "i", "<u8": "Q", "<u2": "H", "|u1": "B"}
