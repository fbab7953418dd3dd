"""The words around a place's name that say how it is meant: data/place_cues.toml and the words that are hardly ever places."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from app.domain.name_keys import stem
from app.domain.text import words

MOST_WORDS = 4  # of a cue


@dataclass(frozen=True, slots=True)
class PlaceCues:
    """Cues as norms joined by spaces. `before` maps a cue to what it says, e.g. "near" or "compass:N"; `after` alike."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    departed: frozenset[str]
    treated: frozenset[str]
    treated_last: frozenset[str]  # the last words of those
    speaker_before: frozenset[str]
    seats: frozenset[str]
    storms: frozenset[str]
    given: frozenset[str]  # names of people
    holy: frozenset[str]  # before one that is a place's
    kin: frozenset[str]  # before the rest of an Arabic name
    abbreviations: frozenset[str]
    demonyms: frozenset[str]
    both: frozenset[str]
    stems: frozenset[str]  # of Cyrillic demonyms and of words that are never places
    small: frozenset[str]
    never: frozenset[str]
    borrowed: frozenset[str]  # words of the phrases in `never`


def _norms(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(words(phrase)) for phrase in phrases)


@cache
def place_cues() -> PlaceCues:
    """Return the packaged cues; read once, never changed."""
    data = resources.files("app.domain").joinpath("data")
    table = tomllib.loads(data.joinpath("place_cues.toml").read_text("utf-8"))
    before: dict[str, str] = {}
    for meaning, phrases in table["before"].items():
        if meaning == "compass":
            for point, points in phrases.items():
                before.update(dict.fromkeys(_norms(points), f"compass:{point}"))
        elif meaning not in {"departed", "treated"}:
            for cue in _norms(phrases):
                before.setdefault(cue, meaning)
    after = {cue: meaning for meaning, phrases in reversed(table["after"].items()) for cue in _norms(phrases)}
    treated = _norms(table["before"]["treated"])
    demonyms = _norms(table["demonyms"]["words"])
    never = _listed(data.joinpath("not_places.txt").read_text("utf-8"))
    return PlaceCues(
        before=before,
        after=after,
        departed=_norms(table["before"]["departed"]),
        treated=treated,
        treated_last=frozenset(cue.rsplit(" ", 1)[-1] for cue in treated),
        speaker_before=_norms(table["speaker_before"]["words"]),
        seats=_norms(table["seats"]["names"]),
        abbreviations=_norms(table["abbreviations"]["names"]),
        storms=_norms(table["storms"]["words"]),
        given=_norms(table["people"]["given"]),
        holy=_norms(table["people"]["holy"]),
        kin=_norms(table["people"]["kin"]),
        demonyms=demonyms,
        both=_norms(table["demonyms"]["both"]),
        small=_listed(data.joinpath("small_words.txt").read_text("utf-8")),
        never=never,
        borrowed=frozenset(word for phrase in never if _is_name(words_of := phrase.split()) for word in words_of),
        stems=frozenset(stem(word) for word in demonyms | never if "\u0400" <= word[0] <= "\u04ff"),
    )


def _is_name(words_of: list[str]) -> bool:
    """Tell whether a phrase is somebody's name: "white helmets", and not "for us"."""
    return len(words_of) > 1 and all(len(word) > 2 for word in words_of)


def _listed(text: str) -> frozenset[str]:
    """Return the words of a list: blanks between them, "_" within a phrase, "#" before a remark."""
    lines = (line.split("#", 1)[0] for line in text.splitlines())
    return _norms(word.replace("_", " ") for line in lines for word in line.split())
