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


def origins_of(voices: Iterable[Voice]) -> tuple[Origin, ...]:
    """Return the distinct origins in the order in which they first spoke."""
    ordered = sorted(voices, key=lambda voice: voice.at)
    by_post = {voice.post: voice for voice in ordered}
    roots: dict[str, tuple[str, str]] = {}
    found: dict[str, Origin] = {}
    for number, voice in enumerate(ordered):
        key, name = _root(voice, ordered[:number], by_post, roots)
        roots[voice.post] = (key, name)
        if voice.round_up:
            continue
        own = key == voice.key
        before = found.get(key)
        found[key] = Origin(
            key=key,
            name=before.name if before else (voice.owner if own else name),
            grade=voice.grade if own else (before.grade if before else "F"),
            configured=(own and voice.configured) or (before is not None and before.configured),
            posts=(*(before.posts if before else ()), voice.post),
        )
    return tuple(found.values())


def _root(
    voice: Voice, earlier: Sequence[Voice], by_post: dict[str, Voice], roots: dict[str, tuple[str, str]]
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
    for other in earlier:
        if other.key != voice.key and _copies(voice, other):
            return roots[other.post]
    return voice.key, voice.owner


def _copies(voice: Voice, other: Voice) -> bool:
    soon = abs(voice.at - other.at) <= ECHO_WITHIN
    return any(_alike(set(voice.pairs), set(theirs), soon=soon) for theirs in (other.pairs, *other.former))


def _alike(mine: set[int], theirs: set[int], *, soon: bool) -> bool:
    if not mine or not theirs:
        return False
    share = len(mine & theirs) / len(mine | theirs)
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
