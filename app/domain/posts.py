"""Post lines: bytes of one line in, a post, a gap, or the reason why it can be neither out. Total over all bytes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import msgspec

from app.domain.text import repair
from app.domain.times import plausible, read_time
from app.errors import Invalid, Reason
from app.messages import Flag, Post, PostType, Quarantined

KNOWN_PLATFORMS = frozenset(
    {
        "bluesky",
        "emsc",
        "facebook",
        "firms",
        "gdelt",
        "inbox",
        "instagram",
        "mastodon",
        "reddit",
        "reliefweb",
        "replay",
        "rss",
        "signal",
        "telegram",
        "threads",
        "tiktok",
        "truthsocial",
        "usgs",
        "vk",
        "web",
        "whatsapp",
        "x",
        "youtube",
    }
)
RENAMED = {"twitter": "x", "bsky": "bluesky"}
UNKNOWN = "unknown"  # the platform or author of a line that names none

MAX_ID = 200  # code points; PostgreSQL refuses an index entry above 2,704 bytes
MAX_LINE = 16 * 1024 * 1024  # bytes; a text of 10 MB is still cut and kept, a line beyond this is not read
MAX_TEXT_BYTES = 160_000  # of JSON: leaves the tags their room below MAX_RECORD_BYTES
HEAD = 4096  # bytes of a quarantined line that travel with it
MAX_MEDIA = 50  # of at most MAX_NAME characters each
MAX_URL = 2048
MAX_NAME = 300

_BOM = b"\xef\xbb\xbf"
_ID_KEY = re.compile(rb'"(?:i|\\u0069)(?:d|\\u0064)"\s*:')
_REPAIRABLE = re.compile(rb"\\u[dD][89a-fA-F]|[\x00-\x1f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PLATFORM = re.compile(r"[a-z][a-z0-9_.-]{0,29}")
_LANG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
_decoder = msgspec.json.Decoder()


class _Sketched(msgspec.Struct):
    id: Any = None
    platform: Any = None
    author: Any = None
    created_at: Any = None
    type: Any = None


_sketcher = msgspec.json.Decoder(_Sketched)
_REFERENCES = ("repost_of", "quote_of", "reply_to")


class GapLine(NamedTuple):
    """A line that says "not read from `start` to `end`". `source` None means every source of the file."""

    source: str | None
    start: datetime
    end: datetime
    reason: str


def parse_line(raw: bytes, *, received_at: datetime) -> Post | GapLine | Quarantined | None:
    """Read one post line. None: the line is empty. `received_at` bounds the dates that are believed.

    Repaired and flagged: NUL, lone surrogates, over-long text, implausible dates, optional fields of a wrong type.
    Quarantined: what is no JSON object in UTF-8, or has no usable id. Never raises.
    """
    line = raw.removeprefix(_BOM)
    if not line.strip():
        return None
    try:
        fields = _fields(line)
        if fields.get("type") == "gap" and "id" not in fields:
            return _gap(fields)
        return _post(fields, received_at)
    except Invalid as refusal:
        return quarantine(raw, refusal.reason, refusal.detail)


class Sketch(NamedTuple):
    """What a first pass over a file needs of a line: whose it is and when it says it was written (None: not plausibly dated)."""

    source: str
    created_at: datetime | None


def sketch_line(raw: bytes, *, received_at: datetime) -> Sketch | None:
    """Return the source and time of a line at a third of the cost of `parse_line`; None where it is no post."""
    try:
        given = _sketcher.decode(raw)
        if given.type == "gap":
            return None
        flags: list[Flag] = []
        platform = _platform(given.platform, flags)
        platform = post_id(platform, _given_id(given.id)).partition(":")[0]
        author = (_author(given.author) or "").removeprefix(f"{platform}:").removeprefix("@") or UNKNOWN
        return Sketch(f"{platform}:{author}", _created_at(given.created_at, received_at, flags))
    except Invalid:
        return None
    except (ValueError, RecursionError):  # what only the whole reader can make out
        read = parse_line(raw, received_at=received_at)
        return Sketch(read.source, read.created_at) if isinstance(read, Post) else None


def quarantine(raw: bytes, reason: Reason, detail: str) -> Quarantined:
    """Return the record of bytes that cannot be a post."""
    return Quarantined(
        reason=reason,
        detail=detail[:300],
        sha256=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        head=raw[:HEAD],
    )


def read_post(fields: Mapping[str, Any], raw: bytes, *, received_at: datetime) -> Post | Quarantined:
    """Return the post that these fields of a line make: producers put a platform's own form (`raw`) into them and get the same repairs."""
    try:
        return _post(fields, received_at)
    except Invalid as refusal:
        return quarantine(raw, refusal.reason, refusal.detail)


def post_id(platform: str, given_id: str) -> str:
    """Return `platform:native_id`. A prefix of `given_id` counts as its platform only if it is one we know: `at://...` holds a colon too."""
    prefix, colon, native = given_id.partition(":")
    prefix = RENAMED.get(prefix, prefix)
    if colon and native and prefix in KNOWN_PLATFORMS:
        return f"{prefix}:{native}"
    return f"{platform}:{given_id}"


def content_hash(post: Post) -> str:
    """Return the SHA-256 of what a reader sees: the text whole, media ids, the three references; no counts, no times."""
    content = [post.text_sha256 or post.text, post.media, post.repost_of, post.quote_of, post.reply_to]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def _fields(line: bytes) -> dict[str, Any]:
    """Decode the line strictly; what only holds raw control characters or lone surrogates is read by the lenient parser."""
    if len(line) > MAX_LINE:
        raise Invalid(Reason.TOO_LARGE, f"the line has {len(line):,} bytes, the limit is {MAX_LINE:,}")
    try:
        fields = _decoder.decode(line)
        if len(_ID_KEY.findall(line)) > 1 and _ids_of_the_outer_object(line) > 1:
            raise Invalid(Reason.AMBIGUOUS_ID, "the key id stands more than once")
    except RecursionError:
        raise Invalid(Reason.TOO_DEEP, "nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Invalid(Reason.BAD_ENCODING, f"not UTF-8 at byte {error.start}: {error.reason}") from None
    except msgspec.DecodeError as error:
        fields = _lenient_fields(line, str(error))
    if not isinstance(fields, dict):
        raise Invalid(Reason.BAD_TYPE, f"the line is a JSON {_json_type(fields)}, not an object")
    return fields


def _lenient_fields(line: bytes, complaint: str) -> Any:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Invalid(Reason.BAD_ENCODING, f"not UTF-8 at byte {error.start}: {error.reason}") from None
    if not _REPAIRABLE.search(line):
        raise Invalid(Reason.BAD_JSON, complaint)
    try:
        fields = json.loads(text, strict=False, parse_constant=_refuse, parse_int=_integer, parse_float=_number)
        if len(_ID_KEY.findall(line)) > 1 and _ids_of_the_outer_object(line) > 1:
            raise Invalid(Reason.AMBIGUOUS_ID, "the key id stands more than once")
    except RecursionError:
        raise Invalid(Reason.TOO_DEEP, "nested too deeply") from None
    except ValueError as error:
        raise Invalid(Reason.BAD_JSON, str(error)) from None
    return fields


def _ids_of_the_outer_object(line: bytes) -> int:
    """Count the keys `id` of the outermost object; both parsers would silently let the last one win."""
    counts: list[int] = []

    def count(pairs: list[tuple[str, Any]]) -> None:
        counts.append(sum(key == "id" for key, _ in pairs))

    json.loads(line, strict=False, object_pairs_hook=count, parse_int=str, parse_float=str)
    return counts[-1] if counts else 0


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError(f"an integer of {len(digits):,} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"{digits[:20]} is out of range")
    return value


def _json_type(value: object) -> str:
    names: dict[type, str] = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _gap(fields: dict[str, Any]) -> GapLine:
    start, end = read_time(fields.get("from")), read_time(fields.get("to"))
    if start is None or end is None or end < start:
        raise Invalid(Reason.BAD_TYPE, "a gap line needs the times from and to, in this order")
    source, reason = fields.get("source"), fields.get("reason")
    if source is not None and (not isinstance(source, str) or not 0 < len(source) <= MAX_NAME):
        raise Invalid(Reason.BAD_TYPE, "the source of a gap line is text of at most 300 characters")
    if source is not None:
        source = _CONTROL.sub("\ufffd", source)
    said = repair(reason)[0][:MAX_NAME] if isinstance(reason, str) else ""
    return GapLine(source, start, end, said or "not said")


def _post(fields: Mapping[str, Any], received_at: datetime) -> Post:
    flags: list[Flag] = []
    given_id = _given_id(fields.get("id"))
    platform = _platform(fields.get("platform"), flags)
    own_id = post_id(platform, given_id)
    if not own_id.startswith(f"{platform}:"):
        platform = own_id.partition(":")[0]
        if fields.get("platform") is not None:
            flags.append(Flag.BAD_FIELD)  # the id names another platform than the line does
    text, whole = _text(fields.get("text"), flags)
    created_at = _created_at(fields.get("created_at"), received_at, flags)
    taken = {"author": UNKNOWN, **_options(fields, platform, own_id, flags)}
    return Post(
        id=own_id,
        given_id=given_id,
        platform=platform,
        text=text,
        created_at=created_at,
        flags=tuple(dict.fromkeys(flags)),
        text_sha256=whole,
        **taken,
    )


def _options(fields: Mapping[str, Any], platform: str, own_id: str, flags: list[Flag]) -> dict[str, Any]:
    """Return the optional fields that can be used; one that cannot is left out and flagged."""
    taken: dict[str, Any] = {}
    for key, accept in _ACCEPT.items():
        value = fields.get(key)
        if value is None or value == "":
            continue
        accepted = accept(value)
        if accepted is None:
            flags.append(Flag.BAD_FIELD)
        else:
            taken[key] = accepted
    for key in _REFERENCES:
        value = fields.get(key)
        if value is None or value == "":
            continue
        target = _reference(platform, own_id, value)
        if target is None:
            flags.append(Flag.BAD_FIELD)
        else:
            taken[key] = target
    if (author := taken.get("author")) is not None:
        taken["author"] = author.removeprefix(f"{platform}:").removeprefix("@") or UNKNOWN
    return taken


def _given_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Invalid(Reason.BAD_ID, "the id is missing or neither text nor an integer")
    if not value.strip():
        raise Invalid(Reason.BAD_ID, "the id is empty")
    if len(value) > MAX_ID:
        raise Invalid(Reason.BAD_ID, f"the id has {len(value):,} characters, the limit is {MAX_ID}")
    if _CONTROL.search(value):
        raise Invalid(Reason.BAD_ID, "the id holds control characters or lone surrogates")
    return value


def _platform(value: object, flags: list[Flag]) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        name = value.strip().lower()
        if _PLATFORM.fullmatch(name):
            return RENAMED.get(name, name)
    flags.append(Flag.BAD_FIELD)
    return UNKNOWN


def _text(value: object, flags: list[Flag]) -> tuple[str, str | None]:
    """Return the text that travels, and the SHA-256 of the whole text where it was cut."""
    if value is None:
        return "", None
    if not isinstance(value, str):
        flags.append(Flag.BAD_FIELD)
        return "", None
    text, repaired = repair(value)
    flags.extend(repaired)
    while len(text) > MAX_TEXT_BYTES // 6 and len(msgspec.json.encode(text)) > MAX_TEXT_BYTES:
        text = text[: len(text) * 3 // 4]  # control characters take six bytes of JSON each
        flags.append(Flag.TRUNCATED)
    if Flag.TRUNCATED not in flags:
        return text, None
    return text, hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _created_at(value: object, received_at: datetime, flags: list[Flag]) -> datetime | None:
    at = read_time(value)
    if at is None or not plausible(at, received_at):
        flags.append(Flag.CLOCK_SUSPECT)
        return None
    return at


def _author(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    name = _CONTROL.sub("", value).strip()
    return name if 0 < len(name) <= MAX_ID else None


def _type(value: object) -> PostType | None:
    return PostType(value) if isinstance(value, str) and value in set(PostType) else None


def _name(value: object) -> str | None:
    return _CONTROL.sub("", value).strip()[:MAX_NAME] or None if isinstance(value, str) else None


def _url(value: object) -> str | None:
    """Return a link that a reader may be given: http(s), no credentials, of sane length."""
    if not isinstance(value, str) or len(value) > MAX_URL or _CONTROL.search(value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in {"http", "https"} and parts.netloc and "@" not in parts.netloc else None


def _reference(platform: str, own_id: str, value: object) -> str | None:
    try:
        target = post_id(platform, _given_id(value))
    except Invalid:
        return None
    return target if target != own_id else None


def _media(value: object) -> tuple[str, ...] | None:
    """Return the ids of media: strings, or the id, key or url of objects; None where one of them has none. The first 50 count."""
    listed = value if isinstance(value, list) else [value]
    found: list[str] = []
    for one in listed[:MAX_MEDIA]:
        given = (
            next((one[key] for key in ("id", "media_key", "url") if one.get(key)), None)
            if isinstance(one, dict)
            else one
        )
        if not isinstance(given, str) or not 0 < len(given) <= MAX_NAME or _CONTROL.search(given):
            return None
        found.append(given)
    return tuple(found)


def _lang(value: object) -> str | None:
    return value if isinstance(value, str) and _LANG.fullmatch(value) else None


_ACCEPT: Mapping[str, Callable[[Any], Any]] = {
    "author": _author,
    "type": _type,
    "author_name": _name,
    "lang": _lang,
    "url": _url,
    "media": _media,
}
