"""The word lists of `data/` -> one Lexicon: what words mean, how cues reach, which party is which actor. Files and their notation: see
`phrases.py` and the head of each file. Everything that can be wrong in a list is reported with its file, line and key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

from app.domain.phrases import Hit, PhraseError, PhraseTrie, expand, steps
from app.domain.text import ReadText, fold

FILES = ("kinds.toml", "claims.toml", "actors.toml", "words.toml", "sets.toml")
LANGUAGES = frozenset({"en", "ar", "uk", "ru", "he", "tr", "fa"})
KINDS = (
    "chemical_weapon", "suicide_bomb", "remote_explosive", "air_strike", "shelling", "abduction", "armed_clash",
    "attack_on_civilians", "protest", "explosion_unspecified", "other_event",
)  # fmt: skip
"""Every kind but `none`, the most specific first: a car bomb is also an explosion."""
CLAIMS = ("none", "drill", "past", "denial", "threat", "forecast", "aftermath", "report")
FORMS = frozenset({"forces", "adjective", "state", "capital", "weapon"})
EXCLUSIVE = frozenset({"kind", "weapon", "act", "cue", "ignore"})
"""Families of which a word in a text has one meaning only: within a longer phrase it has the phrase's."""


class Scope(StrEnum):
    """What a cue speaks of: the events after it in its sentence, before it, right after it, in its sentence, or in the post."""

    FORWARD = "forward"
    BACKWARD = "backward"
    NEXT = "next"
    SENTENCE = "sentence"
    POST = "post"


class LexiconError(ValueError):
    """A word list cannot be used; the message names file, line, key and what is wrong."""


@dataclass(frozen=True, slots=True)
class Cue:
    """How an event is put. `rank` decides between cues for one event; `kind` is what is spoken of where no event word stands.

    `alone`: the cue makes the claim without an event word. `says` completes the sentence "<words> ...".
    """

    id: str
    claim: str
    scope: Scope
    rank: int
    says: str
    kind: str | None = None
    alone: bool = False
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Act:
    """A word that says that something was done and not with what. `default`: its kind where nothing else tells, or None."""

    id: str
    default: str | None
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class ActorRule:
    """`id` is the actor when the event lies in one of `countries` and is of one of `kinds` (empty: any)."""

    id: str
    countries: frozenset[str]
    kinds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Party:
    """A side of a war: the actors it appears as, where it strikes from the air, its own country, where it fights."""

    id: str
    actors: tuple[ActorRule, ...]
    country: str | None
    air: frozenset[str]
    fights: frozenset[str]

    def actor(self, country: str | None, kind: str) -> str:
        for rule in self.actors:
            if (not rule.countries or country in rule.countries) and (not rule.kinds or kind in rule.kinds):
                return rule.id
        return "other"


@dataclass(slots=True)
class Lexicon:
    """All words with their meanings: `kind:`, `weapon:`, `act:`, `cue:`, `party:<id>/<form>`, `word:`, `number:`, `ignore:`."""

    cues: dict[str, Cue] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    sets: dict[str, frozenset[str]] = field(default_factory=dict)
    stems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()  # countries in which any party fights or strikes from the air
    forms: int = 0
    _trie: PhraseTrie = field(default_factory=PhraseTrie)
    _sorts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def find(self, text: ReadText) -> list[Hit]:
        """Return the words found, in order. Of those that have one meaning only, what lies in a longer one is left out."""
        hits = list(dict.fromkeys(self._trie.find(text)))
        sorts = [self._sort(hit.means) for hit in hits]
        hidden: set[int] = set()
        for family in {sort for _, sort in sorts} & _HIDES.keys():
            hides = _HIDES[family]
            reach: Hit | None = None
            concerned = [index for index, (own, sort) in enumerate(sorts) if sort == family or own in hides]
            for index in sorted(concerned, key=lambda at: (hits[at].first, -hits[at].last)):
                hit = hits[index]
                if reach is not None and sorts[index][0] in hides and _is_covered(hit, reach, family):
                    hidden.add(index)
                if sorts[index][1] == family and (reach is None or hit.last > reach.last):
                    reach = hit
        return [hit for index, hit in enumerate(hits) if index not in hidden]

    def _sort(self, means: str) -> tuple[str, str]:
        """Return the family of a meaning, and as what it hides others; both remembered."""
        found = self._sorts.get(means)
        if found is None:
            family = _family(means)
            hides_as = "event" if family in _EVENT else family
            if family == "cue":
                cue = self.cues[means[len("cue:") :]]
                hides_as = "topic" if cue.claim == "none" or cue.kind else "cue"
            found = self._sorts[means] = (family, hides_as)
        return found


_EVENT = frozenset({"kind", "weapon", "act"})
_HIDES = {
    "ignore": _EVENT | {"cue", "party"},  # "no casualties" denies nothing
    "topic": _EVENT | {"cue"},  # an "air raid siren" is no air raid
    "event": _EVENT,  # a "missile strike" is one event
    "cue": frozenset({"cue"}),  # but "will strike" still speaks of a strike
}
_TAKE_ALL = frozenset({"ignore", "topic"})
"""What lies within a longer phrase and then means only what the phrase means."""


def _is_covered(hit: Hit, cover: Hit, family: str) -> bool:
    """Phrases that are no event take even what reaches beyond them: "heart attack kills" holds no attack that kills."""
    if (hit.first, hit.last) == (cover.first, cover.last):
        return False
    return hit.last <= cover.last or (family in _TAKE_ALL and hit.first <= cover.last)


def _family(means: str) -> str:
    return means.partition(":")[0]


def load_lexicon() -> Lexicon:
    """Return the lexicon of the packaged word lists; raise LexiconError where one of them is wrong."""
    folder = resources.files("app.domain") / "data"
    return build_lexicon({name: (folder / name).read_text(encoding="utf-8") for name in FILES})


def build_lexicon(files: Mapping[str, str]) -> Lexicon:
    """Return the lexicon of the given files (name -> TOML text); raise LexiconError with every fault found."""
    builder = _Builder()
    for name, text in files.items():
        builder.read(name, text)
    if builder.faults:
        raise LexiconError("\n".join(builder.faults))
    return builder.lexicon


class _Builder:
    def __init__(self) -> None:
        self.lexicon = Lexicon()
        self.faults: list[str] = []
        self._file = ""
        self._text = ""
        self._seen: dict[tuple[object, ...], tuple[str, str]] = {}

    def read(self, name: str, text: str) -> None:
        self._file, self._text = name, text
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            self.faults.append(f"{name}: not TOML: {error}")
            return
        readers = {
            "kind": self._kind,
            "act": self._act,
            "cue": self._cue,
            "party": self._party,
            "word": self._word,
            "number": self._number,
            "set": self._set,
        }
        for section, rows in data.items():
            reader = readers.get(section)
            if reader is None or not isinstance(rows, list):
                self._fault(section, f"is not one of {', '.join(f'[[{key}]]' for key in readers)}")
                continue
            for number, row in enumerate(rows, 1):
                key = f"{section}[{row.get('id', number)}]"
                try:
                    reader(row, key)
                except KeyError as error:
                    self._fault(key, f"{error.args[0]} is missing")
                except ValueError as error:
                    self._fault(key, str(error))

    def _fault(self, key: str, detail: str, needle: str = "") -> None:
        at = self._text.find(f'"{needle}"') if needle else -1
        line = f", line {self._text.count(chr(10), 0, at) + 1}" if at >= 0 else ""
        self.faults.append(f"{self._file}{line}, {key}: {detail}")

    def _kind(self, row: dict[str, Any], key: str) -> None:
        kind = _one_of(row["id"], KINDS)
        self._add(row.get("events", {}), f"kind:{kind}", f"{key}.events")
        self._add(row.get("weapons", {}), f"weapon:{kind}", f"{key}.weapons")
        self._no_more(row, key, {"id", "events", "weapons"})

    def _act(self, row: dict[str, Any], key: str) -> None:
        default = row.get("default")
        act = Act(row["id"], None if default is None else _one_of(default, KINDS), frozenset(row.get("needs", ())))
        self._unique(self.lexicon.acts, act.id)
        self.lexicon.acts[act.id] = act
        self._add(row["words"], f"act:{act.id}", key)
        self._no_more(row, key, {"id", "default", "needs", "words"})

    def _cue(self, row: dict[str, Any], key: str) -> None:
        kind = row.get("kind")
        cue = Cue(
            id=row["id"], claim=_one_of(row["claim"], CLAIMS), scope=Scope(row["scope"]), rank=int(row["rank"]), says=row["says"],
            kind=None if kind is None else _one_of(kind, KINDS), alone=bool(row.get("alone", False)),
            needs=frozenset(row.get("needs", ())),
        )  # fmt: skip
        self._unique(self.lexicon.cues, cue.id)
        self.lexicon.cues[cue.id] = cue
        self._add(row["words"], f"cue:{cue.id}", key)
        self._no_more(row, key, {"id", "claim", "scope", "rank", "says", "kind", "alone", "needs", "words"})

    def _party(self, row: dict[str, Any], key: str) -> None:
        rules = tuple(
            ActorRule(
                rule["id"],
                frozenset(rule.get("in", ())),
                frozenset(_one_of(kind, KINDS) for kind in rule.get("kinds", ())),
            )
            for rule in row["actors"]
        )
        party = Party(
            row["id"], rules, row.get("country"), frozenset(row.get("air", ())), frozenset(row.get("fights", ()))
        )
        self._unique(self.lexicon.parties, party.id)
        self.lexicon.parties[party.id] = party
        self.lexicon.fields |= party.air | party.fights
        for form in FORMS & row.keys():
            self._add(row[form], f"party:{party.id}/{form}", f"{key}.{form}")
        self._no_more(row, key, {"id", "actors", "country", "air", "fights"} | FORMS)

    def _word(self, row: dict[str, Any], key: str) -> None:
        family = row.get("family", "word")
        self._add(row["words"], f"{family}:{row['id']}", key)
        self._no_more(row, key, {"id", "family", "words"})

    def _number(self, row: dict[str, Any], key: str) -> None:
        means = f"number:{int(row['value'])}"
        self.lexicon.numbers[means] = int(row["value"])
        self._add(row["words"], means, key)
        self._no_more(row, key, {"value", "words"})

    def _set(self, row: dict[str, Any], key: str) -> None:
        self._unique({**self.lexicon.sets, **self.lexicon.stems}, row["id"])
        listed = [
            fold(word) for words in (*row.get("words", {}).values(), *row.get("stems", {}).values()) for word in words
        ]
        for word in listed:
            if not word or " " in word:
                self._fault(key, f"{word!r} is not one word", word)
        if "stems" in row:
            self.lexicon.stems[row["id"]] = tuple(sorted(listed))
        else:
            self.lexicon.sets[row["id"]] = frozenset(listed)
        self._no_more(row, key, {"id", "words", "stems"})

    def _add(self, lists: Mapping[str, Any], means: str, key: str) -> None:
        for language, lines in lists.items():
            if language not in LANGUAGES or not isinstance(lines, list):
                self._fault(
                    f"{key}.{language}", f"a language is one of {', '.join(sorted(LANGUAGES))} and holds a list"
                )
                continue
            for line in lines:
                try:
                    self._add_line(line, means, f"{key}.{language}")
                except (PhraseError, AttributeError) as error:
                    self._fault(f"{key}.{language}", f"{line!r} {error}", str(line))

    def _add_line(self, line: str, means: str, key: str) -> None:
        for form in expand(line):
            path = steps(form)
            if _family(means) in EXCLUSIVE:
                other = self._seen.setdefault(path, (means, f"{self._file}, {key}"))
                if other[0] != means:
                    raise PhraseError(f"means {means} here and {other[0]} in {other[1]}")
            self.lexicon._trie.add(form, means)  # noqa: SLF001 - the builder of the same module
            self.lexicon.forms += 1

    def _unique(self, known: Mapping[str, object], name: str) -> None:
        if name in known:
            raise ValueError(f"{name!r} stands here twice")

    def _no_more(self, row: Mapping[str, object], key: str, known: set[str] | frozenset[str]) -> None:
        for name in row.keys() - known:
            self._fault(f"{key}.{name}", f"is unknown here; known: {', '.join(sorted(known))}")


def _one_of(value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
    return value
