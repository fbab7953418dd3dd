"""posts of an incident -> distinct origins: reposts, quotes, credits, copies and echoes are followed back to who said it first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zlib import crc32

import msgspec

from app.domain.config import ConfirmRule
from app.domain.grades import NEVER_COUNTS, TRUSTED

COPY = 0.7  # share of common word pairs from which a text is a copy, whenever it came
ECHO = 0.5  # the same within ECHO_WITHIN: two people do not write half the same words in the same minute
ECHO_WITHIN = timedelta(seconds=60)
ENOUGH_PAIRS = 6  # shorter texts ("air strike on Saraqib") are written alike by people who never met
MOST_PAIRS = 64


class Voice(msgspec.Struct, frozen=True, omit_defaults=True):
    """One post as a voice. `key` is the owner's identity, `owner` its name; `origin_key`/`origin_name` are those of the post it
    repeats, where that is known; `credits` are owner keys with names; `pairs` is the signature of its words, `former` those of the
    revisions before: who copied the first words copied.
    """

    post: str
    key: str
    owner: str
    at: datetime
    grade: str = "F"
    configured: bool = False
    repeats: str | None = None
    origin_key: str | None = None
    origin_name: str | None = None
    credits: tuple[tuple[str, str], ...] = ()
    pairs: tuple[int, ...] = ()
    former: tuple[tuple[int, ...], ...] = ()
    round_up: bool = False


class Origin(msgspec.Struct, frozen=True):
    """A distinct owner, the posts that go back to it (oldest first) and its grade."""

    key: str
    name: str
    grade: str
    configured: bool
    posts: tuple[str, ...]


def word_pairs(words: Sequence[str]) -> tuple[int, ...]:
    """Return the signature of a text: hashes of its neighbouring words, sorted, at most MOST_PAIRS."""
    pairs = {crc32(f"{a} {b}".encode()) for a, b in pairwise(words)}
    return tuple(sorted(pairs)[:MOST_PAIRS])


class Echoes:
    """Whom each voice of an incident copies, kept from one look to the next: a burst compares each new post once with all, not all with all.

    What a voice copies depends on the voices before it alone, so whatever stands first unchanged need not be compared again.
    """

    def __init__(self) -> None:
        self._ordered: list[Voice] = []
        self._pairs: list[tuple[frozenset[int], ...]] = []
        self._copied: list[int | None] = []

    def follow(self, ordered: Sequence[Voice]) -> Sequence[int | None]:
        """Return for each voice, oldest first, the place of the first one that it copies; None where it speaks for itself."""
        held = 0
        while held < min(len(ordered), len(self._ordered)) and ordered[held] is self._ordered[held]:
            held += 1
        for kept in (self._ordered, self._pairs, self._copied):
            del kept[held:]
        for voice in ordered[held:]:
            pairs = tuple(frozenset(one) for one in (voice.pairs, *voice.former))
            self._copied.append(self._first_copied(voice, pairs[0]))
            self._ordered.append(voice)
            self._pairs.append(pairs)
        return self._copied

    def _first_copied(self, voice: Voice, mine: frozenset[int]) -> int | None:
        if not mine or voice.repeats is not None or voice.credits:
            return None
        for number, (other, theirs) in enumerate(zip(self._ordered, self._pairs, strict=True)):
            if other.key != voice.key:
                soon = abs(voice.at - other.at) <= ECHO_WITHIN
                if any(_alike(mine, pairs, soon=soon) for pairs in theirs):
                    return number
        return None


def origins_of(voices: Iterable[Voice], echoes: Echoes | None = None) -> tuple[Origin, ...]:
    """Return the distinct origins in the order in which they first spoke. `echoes`: what was found when this was last asked."""
    ordered = sorted(voices, key=lambda voice: voice.at)
    copied = (echoes or Echoes()).follow(ordered)
    by_post = {voice.post: voice for voice in ordered}
    roots: dict[str, tuple[str, str]] = {}
    spoken: dict[str, list[Voice]] = {}
    names: dict[str, str] = {}
    for voice, copy in zip(ordered, copied, strict=True):
        key, name = _root(voice, None if copy is None else ordered[copy], by_post, roots)
        roots[voice.post] = (key, name)
        if not voice.round_up:
            spoken.setdefault(key, []).append(voice)
            names.setdefault(key, voice.owner if key == voice.key else name)
    return tuple(_origin(key, names[key], said) for key, said in spoken.items())


def _origin(key: str, name: str, said: Sequence[Voice]) -> Origin:
    own = [voice for voice in said if voice.key == key]
    return Origin(
        key=key,
        name=name,
        grade=own[-1].grade if own else "F",
        configured=any(voice.configured for voice in own),
        posts=tuple(voice.post for voice in said),
    )


def _root(
    voice: Voice, copied: Voice | None, by_post: dict[str, Voice], roots: dict[str, tuple[str, str]]
) -> tuple[str, str]:
    if voice.repeats is not None:
        if voice.repeats in roots:
            return roots[voice.repeats]
        original = by_post.get(voice.repeats)
        if original is not None and original.post != voice.post:
            return original.key, original.owner
        if voice.origin_key is not None:
            return voice.origin_key, voice.origin_name or voice.origin_key
        if not voice.credits:
            return f"post:{voice.repeats}", f"unseen post {voice.repeats}"
    if voice.credits:
        return voice.credits[0]
    return (voice.key, voice.owner) if copied is None else roots[copied.post]


def _alike(mine: frozenset[int], theirs: frozenset[int], *, soon: bool) -> bool:
    if not mine or not theirs:
        return False
    common = len(mine & theirs)
    share = common / (len(mine) + len(theirs) - common)
    if min(len(mine), len(theirs)) < ENOUGH_PAIRS:
        return soon and share == 1.0
    return share >= COPY or (soon and share >= ECHO)


def level_of(origins: Sequence[Origin], *, any_configured: bool, confirm: ConfirmRule | None = None) -> tuple[str, str]:
    """Return the level that the origins carry, and why, as a sentence.

    `any_configured`: some source of the desk is configured. `confirm`: the desk's own rule, without which only an editor confirms.
    """
    counted = [origin for origin in origins if not (origin.configured and origin.grade == NEVER_COUNTS)]
    if confirm is not None and len(counted) >= confirm.origins:
        graded = sum(origin.configured and origin.grade <= confirm.grade for origin in counted)
        if graded >= confirm.graded:
            return (
                "confirmed",
                f"confirmed by the desk's rule: {len(counted)} origins, {graded} graded {confirm.grade} or better",
            )
    if len(counted) < 2:
        names = counted[0].name if counted else "no origin that counts"
        return "reported", f"reported: one origin ({names}), unconfirmed" if counted else f"reported: {names}"
    if any_configured and not any(origin.configured and origin.grade in TRUSTED for origin in counted):
        return "reported", f"reported: {len(counted)} origins, but none of them is a source graded A to D"
    names = ", ".join(origin.name for origin in counted)
    return "likely", f"likely: {len(counted)} independent origins ({names})"
