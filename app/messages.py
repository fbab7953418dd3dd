"""Every record that crosses a topic, as msgspec structs. The field `t` tells which one it is; `v` is the schema version.

Topic `posts` carries Item, Coverage, Gap, SourceState and SpoolHead; topic `tagged` carries the same, with `Item.tags` filled;
topic `alerts` carries AlertMessage. Times are UTC and aware; ids are strings; spans are code points of `Post.text`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from app.errors import Reason

VERSION = 1
MAX_RECORD_BYTES = 256 * 1024  # a record on a topic; longer text is bounded before it gets here
MAX_TEXT = 60_000  # code points of text that a record carries: 4 bytes each stay below MAX_RECORD_BYTES


def _version() -> int:
    """The default of `v`, as a factory: a plain default would be left out of the bytes by `omit_defaults`."""
    return VERSION


class Flag(StrEnum):
    """What was repaired or doubted in a post that we kept."""

    NUL = "nul"
    SURROGATES = "surrogates"
    TRUNCATED = "truncated"
    MARKS = "marks"
    CLOCK_SUSPECT = "clock_suspect"
    MIXED_SCRIPT = "mixed_script"
    BAD_FIELD = "bad_field"


class Marks(msgspec.Struct, frozen=True, omit_defaults=True):
    """Set by the producer, copied by every stage, never read from a post line."""

    history: bool = False
    no_deliver: bool = False
    gapfill: bool = False
    exercise: bool = False


class PostType(StrEnum):
    POST = "post"
    EDIT = "edit"
    DELETE = "delete"


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """One revision of what a source published, or its deletion.

    `id` is `platform:native_id`; `given_id` is the id as the line or the platform gave it. `created_at` is None where the given
    date was implausible (then `flags` holds `clock_suspect`). The three references are post ids (`platform:native_id`).
    """

    id: str
    given_id: str
    platform: str
    author: str
    text: str = ""
    type: PostType = PostType.POST
    created_at: datetime | None = None
    author_name: str | None = None
    lang: str | None = None
    url: str | None = None
    repost_of: str | None = None
    quote_of: str | None = None
    reply_to: str | None = None
    media: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    text_sha256: str | None = None  # of the whole text, where `text` was cut: an edit beyond the cut is still an edit

    @property
    def source(self) -> str:
        """The account that published it: `platform:author`."""
        return f"{self.platform}:{self.author}"


class PlaceReading(msgspec.Struct, frozen=True, omit_defaults=True):
    """A runner-up for a place mention."""

    place_id: str
    name: str
    country: str
    lat: float
    lon: float
    radius_km: float
    confidence: float


class PlaceTag(msgspec.Struct, frozen=True):
    """A place that a post names: an area, never a dot. `start`/`end` are code points of the text; radius in km.

    `role` is "event" (where it happened) or "context"; `relation` is "in", "near", "countryside" or a compass point ("NE of").
    `level` is the gazetteer's: "country", "region", "district", "city", "village", "neighbourhood", "site".
    """

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
    level: str
    alternatives: tuple[PlaceReading, ...] = ()


class Term(msgspec.Struct, frozen=True):
    """A word of the lexicon found in a post: what it says (`means`, e.g. "kind:air_strike") and where it stands."""

    surface: str
    start: int
    end: int
    means: str


class Tags(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the tagger read in a post. Tolls are (min, max); None where nothing countable is said."""

    lang: str = "und"
    kind: str = "none"
    claim: str = "none"
    places: tuple[PlaceTag, ...] = ()
    actors: tuple[str, ...] = ()
    killed: tuple[int, int] | None = None
    wounded: tuple[int, int] | None = None
    quiet_days: int | None = None
    terms: tuple[Term, ...] = ()
    credits: tuple[str, ...] = ()  # handles or names credited as the source: "via @x", "according to X"
    round_up: bool = False  # a daily digest of many places: adds no origin
    reasons: tuple[str, ...] = ()  # one plain sentence a decision: kind, claim, each place


class Ingest(msgspec.Struct, frozen=True, array_like=True):
    """The id that an item got when a producer took it in. A record that came from no spool has `topic/partition` and its offset."""

    spool: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.spool}:{self.sequence}"


class Quarantined(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item that cannot be a post: why, and the bytes that came (`head`: the first 4 KiB, base64 in JSON)."""

    reason: Reason
    detail: str
    sha256: str
    size: int
    head: bytes = b""


class Item(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="item"):
    """A received item on its way: a post, or what could not be one. Exactly one of `post` and `quarantined` is set.

    `source` is what the producer was reading (`x:SyriaCivilDef`, a feed, a replay run); `seen_at` is the domain's now.
    `run` names the replay it belongs to. `tags`, `hits` (names of watches whose words match) and `watches_version` come from `tag`.
    """

    ingest: Ingest
    source: str
    seen_at: datetime
    post: Post | None = None
    quarantined: Quarantined | None = None
    marks: Marks = Marks()
    run: str | None = None
    tags: Tags | None = None
    hits: tuple[str, ...] = ()
    watches_version: str | None = None
    v: int = msgspec.field(default_factory=_version)


class Coverage(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="coverage"):
    """Says "these sources were read completely from A to B": only closed intervals exist. `filled`: a gap fetched afterwards."""

    sources: tuple[str, ...]
    start: datetime
    end: datetime
    seen_at: datetime
    filled: bool = False
    v: int = msgspec.field(default_factory=_version)


class RunStart(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="run"):
    """A replay begins: each of its sources counts as read from `start` to the `seen_at` of each record of the run, gaps excepted."""

    run: str
    sources: tuple[str, ...]
    start: datetime
    seen_at: datetime
    v: int = msgspec.field(default_factory=_version)


class Gap(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="gap"):
    """A time in which a source was not read. `source` None means all (of the run, where `run` is set)."""

    start: datetime
    end: datetime
    reason: str
    seen_at: datetime
    source: str | None = None
    run: str | None = None
    filled: bool = False
    v: int = msgspec.field(default_factory=_version)


class SourceState(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="source"):
    """What a producer says of itself: state "live", "connecting", "paused", "refused" or "stopped", with one line of detail."""

    source: str
    state: str
    seen_at: datetime
    detail: str = ""
    reconnects: int = 0
    backlog: int = 0
    spend_usd: float = 0.0
    last_post_at: datetime | None = None
    v: int = msgspec.field(default_factory=_version)


class SpoolHead(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t", tag="head"):
    """How many items a spool has taken in so far, and how many empty lines it passed over."""

    spool: str
    head: int
    seen_at: datetime
    empty_lines: int = 0
    v: int = msgspec.field(default_factory=_version)


Record = Item | Coverage | RunStart | Gap | SourceState | SpoolHead


class AlertMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert as it leaves: the line of `watchdesk alerts --json`, the body of `/v1/alerts` items, of webhooks and of topic `alerts`."""

    id: str
    incident: str
    watch: str
    step: str
    level: str
    headline: str
    created_at: datetime
    post: str | None
    posts: int
    origins: tuple[str, ...]
    quiet_days: int | None
    reasons: tuple[str, ...]


class _Envelope(msgspec.Struct):
    """Only what is needed to refuse a record of another version before the rest is decoded."""

    v: Annotated[int, msgspec.Meta(ge=0)] = 0


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_envelope = msgspec.json.Decoder(_Envelope)


def encode(record: Record | AlertMessage) -> bytes:
    """Return the bytes of a record as they stand on the topic."""
    return _encoder.encode(record)


def decode(value: bytes) -> Record:
    """Return the record in `value`; raise msgspec.DecodeError (or its ValidationError) where it is none of this version."""
    if _envelope.decode(value).v != VERSION:
        raise msgspec.ValidationError(f"schema version is not {VERSION}")
    return _decoder.decode(value)


class PlaceView(msgspec.Struct, frozen=True):
    """Where an incident is: an area with its radius in km and how sure we are of it (0 to 1)."""

    place_id: str
    name: str
    country: str
    lat: float
    lon: float
    radius_km: float
    confidence: float


class IncidentView(msgspec.Struct, frozen=True):
    """An incident as everybody sees it: the line of `watchdesk incidents --json` and the body of `/v1/incidents` items.

    `posts` and `related` are post ids as given in the line; `origins` are owner names; `reasons` are plain sentences.
    """

    id: str
    kind: str
    place: PlaceView
    actors: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    level: str
    state: str
    posts: tuple[str, ...]
    origins: tuple[str, ...]
    killed: tuple[int, int] | None
    wounded: tuple[int, int] | None
    quiet_days: int | None
    related: tuple[str, ...]
    reasons: tuple[str, ...]
