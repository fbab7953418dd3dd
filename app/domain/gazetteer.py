"""The gazetteer: names of places looked up in an index that is mapped, never loaded."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

from app.domain.gazetteer_index import LEVELS, PlaceRow, build_index, open_sections, start_slot
from app.domain.name_keys import SKELETON_MIN, key_hash, skeleton, without_articles
from app.domain.text import variants, words

_MOST_COMPARED = 3_000  # names compared to one that is not known: 0.1 s
_WELL_KNOWN = 100_000  # people
_CACHE = 30_000  # words, hashtag bodies and places remembered, each: some 10 MB, and nothing grows without bound


@dataclass(frozen=True, slots=True)
class Place:
    """A place as an area. `level` is one of country, region, district, city, village, neighbourhood, site; radius in km.

    `country` is ISO 3166 alpha-2, "" for what lies in several; `parents` are place ids, the nearest first.
    """

    place_id: str
    name: str
    country: str
    lat: float
    lon: float
    radius_km: float
    level: str
    population: int
    parents: tuple[str, ...] = ()


class Head(NamedTuple):
    """A word as the first of a name: without the proclitics that `clitic` holds. `longest`: words of the longest name that begins so."""

    norm: str
    clitic: str
    longest: int
    numbers: Sequence[int]  # of the name that is this word alone


class Gazetteer:
    """Read-only, safe to share between threads. Made by `from_places` or by `gazetteer_file.open_gazetteer`."""

    def __init__(self, buffer: memoryview) -> None:
        sections, self.facts = open_sections(buffer)
        self._keys, self._directory = sections["keys"], sections["directory"]
        self._postings, self._posting_ends = sections["postings"], sections["posting_ends"]
        self._starts = sections["starts"]
        self._places = sections
        self._shift = 64 - (len(self._directory) - 1).bit_length() + 1
        self._splits: dict[str, tuple[tuple[int, int], ...] | None] = {}
        self._heads: dict[str, tuple[Head, ...]] = {}
        self._seen: dict[int, Place] = {}
        self._bones: dict[str, str] = {}
        self._glued: dict[str, tuple[str, Sequence[int]]] = {}

    @classmethod
    def from_places(cls, rows: Iterable[PlaceRow]) -> Gazetteer:
        """Return a gazetteer of `rows`, held in memory."""
        return cls(memoryview(build_index(rows)))

    def __len__(self) -> int:
        return len(self._places["level"])

    def get(self, place_id: str) -> Place | None:
        found = self.find("i", place_id)
        return self.place(found[0] >> 1) if found else None

    def lookup(self, name: str) -> tuple[Place, ...]:
        """Return the places that `name` may mean, best first: by exact name, then glued, then by its skeleton."""
        norms = words(name)
        if not norms:
            return ()
        numbers: dict[int, None] = {}
        for first in variants(norms[0]):
            spelt = (first, *norms[1:])
            keys = (("n", " ".join(spelt)), ("n", " ".join(without_articles(spelt))), ("j", "".join(spelt)))
            numbers.update(
                (value >> 1, None) for kind, key in keys if not numbers or kind == "n" for value in self.find(kind, key)
            )
        if not numbers and len(bones := skeleton(norms)) > SKELETON_MIN:
            numbers.update((value >> 1, None) for value in self.find("s", bones))
        return tuple(self.place(number) for number in numbers)

    def suggest(self, name: str, limit: int = 5) -> tuple[Place, ...]:
        """Return places whose own name resembles one that is not known: same first three letters of a word, nearest first."""
        norms = words(name)
        wanted = " ".join(norms)
        longest = max(without_articles(norms) or norms, key=len, default="")
        if len(longest) < 2:
            return ()
        heads = re.compile(rb"[\t \-]" + re.escape(longest[:3].encode()), re.IGNORECASE)
        at = [match.start() for match in islice(heads.finditer(self._places["strings"]), _MOST_COMPARED)]
        numbers = dict.fromkeys(bisect_right(self._places["string_ends"], byte) - 1 for byte in at)
        ranked = []
        for place in map(self.place, numbers):
            own = " ".join(words(place.name))
            alike = SequenceMatcher(None, wanted, own).ratio() + (own.startswith(wanted) or wanted in own.split())
            ranked.append((-alike, -place.population, place.name, place))
        return tuple(place for *_, place in sorted(ranked, key=lambda row: row[:3])[:limit])

    def find(self, kind: str, key: str) -> Sequence[int]:
        """Return the postings of a key in namespace `kind`: place number * 2 + (1 where the name is a secondary one)."""
        hashed = key_hash(kind, key)
        slot = hashed >> self._shift
        keys = self._keys
        for index in range(self._directory[slot], self._directory[slot + 1]):
            if keys[index] == hashed:
                return self._postings[self._posting_ends[index] : self._posting_ends[index + 1]]
        return ()

    def longest_from(self, norm: str) -> int:
        """Return how many words the longest name that begins with `norm` has, 0 where none does (rarely more than it is)."""
        return self._starts[start_slot(norm, len(self._starts))]

    def heads(self, norm: str) -> tuple[Head, ...]:
        """Return how a word may begin a name, with and without its proclitics; () for most words. Remembered, for words repeat."""
        found = self._heads.get(norm)
        if found is None:
            found = tuple(
                Head(head, norm[: len(norm) - len(head)], longest, self.find("n", head))
                for head in variants(norm)
                if (longest := self.longest_from(head))
            )
            if len(self._heads) >= _CACHE:
                self._heads.clear()
            self._heads[norm] = found
        return found

    def bones(self, norms: Sequence[str]) -> str:
        """Return the skeleton of a name, its words' remembered one by one."""
        kept = without_articles(norms)
        out = []
        for index, norm in enumerate(kept):
            key = norm if index == len(kept) - 1 else f"{norm} "
            found = self._bones.get(key)
            if found is None:
                found = skeleton((norm,)) if index == len(kept) - 1 else skeleton((norm, ""))
                if len(self._bones) >= _CACHE:
                    self._bones.clear()
                self._bones[key] = found
            out.append(found)
        return "".join(out)

    def glued(self, norm: str) -> tuple[str, Sequence[int]]:
        """Return what is left of a word that holds a whole name glued together once its proclitics are off, and the name's postings."""
        found = self._glued.get(norm)
        if found is None:
            found = next(((head, numbers) for head in variants(norm) if (numbers := self.find("j", head))), ("", ()))
            if len(self._glued) >= _CACHE:
                self._glued.clear()
            self._glued[norm] = found
        return found

    def size(self, number: int) -> tuple[int, int]:
        """Return the level (0 the widest: an index of LEVELS) and population of a place, without the rest of it."""
        return self._places["level"][number], self._places["population"][number]

    def place(self, number: int) -> Place:
        """Return the place of that number (0 to len - 1)."""
        place = self._seen.get(number)
        if place is None:
            place = self._read(number)
            if len(self._seen) >= _CACHE:
                self._seen.clear()
            self._seen[number] = place
        return place

    def _read(self, number: int) -> Place:
        at = self._places
        place_id, name = (
            bytes(at["strings"][at["string_ends"][number] : at["string_ends"][number + 1]]).decode().split("\t", 1)
        )
        return Place(
            place_id=place_id,
            name=name,
            country=self.country(number),
            lat=round(at["lat"][number], 5),
            lon=round(at["lon"][number], 5),
            radius_km=round(at["radius"][number], 1),
            level=LEVELS[at["level"][number]],
            population=at["population"][number],
            parents=tuple(self._id(parent) for parent in at["parents"][number * 2 : number * 2 + 2] if parent >= 0),
        )

    def country(self, number: int) -> str:
        """Return the country of a place, "" for what lies in several."""
        return self._places["country"][number].to_bytes(2, "little").decode("ascii").strip()

    def is_capital(self, number: int) -> bool:
        """Return whether a country is governed from there."""
        return bool(self._places["capital"][number])

    def _id(self, number: int) -> str:
        at = self._places
        return (
            bytes(at["strings"][at["string_ends"][number] : at["string_ends"][number + 1]]).split(b"\t", 1)[0].decode()
        )

    def split_hashtag(self, body: str) -> tuple[tuple[int, int], ...] | None:
        """Return the spans of known names in a folded hashtag body ("jisrshoghur", "prayforidlib"), None where there is none."""
        if body in self._splits:
            return self._splits[body]
        spans = self._split(body)
        if len(self._splits) < _CACHE:
            self._splits[body] = spans
        return spans

    def _split(self, body: str) -> tuple[tuple[int, int], ...] | None:
        if not 4 <= len(body) <= 60:
            return None
        if self.find("j", body):
            return ((0, len(body)),)
        # The longest well-known name at the end of the tag, else at its head: "prayforidlib", "idlibunderfire". A lesser one is
        # as likely to be torn out of a word.
        for cut in range(3, len(body) - 4):
            if self._well_known(body[cut:]):
                return ((cut, len(body)),)
        for cut in range(len(body) - 3, 4, -1):
            if self._well_known(body[:cut]):
                return ((0, cut),)
        return None

    def _well_known(self, glued: str) -> bool:
        """Whether a glued name is that of a country, a region or a city of 100,000."""
        numbers = self.find("j", glued)
        if not numbers:
            return False
        level, people = self.size(numbers[0] >> 1)
        return level < 2 or people >= _WELL_KNOWN
