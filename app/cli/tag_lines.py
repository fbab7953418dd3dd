"""Post lines -> tagged lines, for `watchdesk tag`: any bytes in, one JSON object out for every line that is not empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from app.clock import Clock
from app.domain.posts import MAX_LINE, GapLine, parse_line
from app.domain.tagging import Tagger
from app.domain.text import repair
from app.errors import Reason
from app.messages import PlaceReading, Post, Quarantined, Tags, Term

CHUNK = 1024 * 1024  # bytes read at once; what has come is answered before more is waited for
_WITHOUT_ID = frozenset({Reason.BAD_ID, Reason.AMBIGUOUS_ID})
_encoder = msgspec.json.Encoder()


class PlaceLine(msgspec.Struct, frozen=True):
    """A place as `watchdesk tag` prints it."""

    surface: str
    start: int
    end: int
    place_id: str
    name: str
    country: str
    lat: float
    lon: float
    radius_km: float
    confidence: float
    role: str
    relation: str
    alternatives: tuple[PlaceReading, ...]


class TaggedLine(msgspec.Struct, frozen=True):
    """What `watchdesk tag` prints for a post. `error` is there only where something was wrong with the line."""

    id: str | None
    lang: str
    kind: str
    claim: str
    places: tuple[PlaceLine, ...]
    actors: tuple[str, ...]
    killed: tuple[int, int] | None
    wounded: tuple[int, int] | None
    quiet_days: int | None
    terms: tuple[Term, ...]
    credits: tuple[str, ...]
    round_up: bool
    reasons: tuple[str, ...]
    error: str | msgspec.UnsetType = msgspec.UNSET


class FailedLine(msgspec.Struct, frozen=True):
    """What `watchdesk tag` prints for a line that holds no post."""

    id: str | None
    error: str


def tag_stream(source: BinaryIO, sink: BinaryIO, tagger: Tagger, clock: Clock) -> None:
    """Tag every line of `source` into `sink`, flushed whenever `source` has no more for the moment."""
    for lines in _batches(source):
        answers = [answer for line in lines if (answer := tag_line(line, tagger, clock)) is not None]
        if answers:
            sink.write(b"\n".join(answers) + b"\n")
            sink.flush()


def tag_line(line: bytes | None, tagger: Tagger, clock: Clock) -> bytes | None:
    """Return the answer to one line, None for an empty one. `line` None stands for one that is too long to be read."""
    if line is None:
        return _encoder.encode(FailedLine(None, f"too_large: the line has more than {MAX_LINE:,} bytes"))
    read = parse_line(line, received_at=clock.now())
    if read is None:
        return None
    if isinstance(read, Post):
        return _encoder.encode(_tagged(read.given_id, tagger.tag(read)))
    if isinstance(read, GapLine):
        return _encoder.encode(FailedLine(None, "a gap line holds no post"))
    return _encoder.encode(_rescued(line, read, tagger))


def _rescued(line: bytes, refused: Quarantined, tagger: Tagger) -> TaggedLine | FailedLine:
    """A text without a usable id can be tagged all the same; the answer says what is wrong."""
    error = f"{refused.reason.value}: {refused.detail}"
    if refused.reason not in _WITHOUT_ID:
        return FailedLine(None, error)
    fields: dict[str, Any] = json.loads(line.removeprefix(b"\xef\xbb\xbf"), strict=False)
    text = fields.get("text")
    if not isinstance(text, str):
        return FailedLine(None, error)
    lang = fields.get("lang")
    post = Post(
        id="", given_id="", platform="", author="", text=repair(text)[0], lang=lang if isinstance(lang, str) else None
    )
    return _tagged(None, tagger.tag(post), error)


def _tagged(given_id: str | None, tags: Tags, error: str | msgspec.UnsetType = msgspec.UNSET) -> TaggedLine:
    places = tuple(
        PlaceLine(
            place.surface, place.start, place.end, place.place_id, place.name, place.country, place.lat, place.lon, place.radius_km,
            place.confidence, place.role, place.relation, place.alternatives,
        )
        for place in tags.places
    )  # fmt: skip
    return TaggedLine(
        given_id, tags.lang, tags.kind, tags.claim, places, tags.actors, tags.killed, tags.wounded, tags.quiet_days, tags.terms,
        tags.credits, tags.round_up, tags.reasons, error,
    )  # fmt: skip


def _batches(source: BinaryIO) -> Iterator[list[bytes | None]]:
    """Yield the lines that have come, in batches; a line longer than MAX_LINE is None and never held whole."""
    pending = b""
    skipping = False
    read = getattr(source, "read1", source.read)
    while chunk := read(CHUNK):
        *whole, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for piece in whole:
            lines.append(None if skipping or len(pending) + len(piece) > MAX_LINE else pending + piece)
            pending, skipping = b"", False
        if not skipping:
            pending += rest
            if len(pending) > MAX_LINE:
                pending, skipping = b"", True
        if lines:
            yield lines
    if pending or skipping:
        yield [None if skipping else pending]
