"""Lists of sources from other tools: OPML of feed readers, and tables in CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from app.domain.config import SourceConfig
from app.domain.config_file import parse_config
from app.domain.config_keys import ANY_SOURCE, SOURCE_KEYS
from app.errors import SettingsError, UserError

MAX_LIST = 5 * 1024 * 1024
COLUMNS = ("id", "owner", "grade", "area", "rights", "actor")  # others are options of the source's producer

TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

_NO_WORD = re.compile(r"[^\w]+")


def read_source(fields: Mapping[str, Any], where: str) -> SourceConfig:
    """Return a source from plain fields, checked as if it stood in watchdesk.toml; raise UserError that begins with `where`."""
    given = {
        key: _typed(key, value, str(fields.get("id")))
        for key, value in fields.items()
        if value is not None and value != ""
    }
    lines = "\n".join(
        f"{json.dumps(key, ensure_ascii=False)} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in given.items()
    )  # JSON's forms are TOML's too
    try:
        (source,) = parse_config(f"[[source]]\n{lines}\n".encode(), where).sources
    except SettingsError as error:
        raise UserError(re.sub(r"^(.*?) line \d+: ", r"\1: ", error.detail)) from None
    return source


class Listed(NamedTuple):
    """A source of a list: the fields that it gives, and where in the list it stands."""

    fields: Mapping[str, str]
    where: str

    def source(self) -> SourceConfig:
        return read_source(self.fields, self.where)


def read_list(content: bytes, name: str) -> list[Listed]:
    """Read OPML (`.opml`, `.xml`) or CSV with a header; raise UserError with the line or outline that cannot be used."""
    if len(content) > MAX_LIST:
        raise UserError(f"{name} is larger than {MAX_LIST // 1024 // 1024} MiB")
    if name.lower().endswith((".opml", ".xml")) or content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return _read_opml(content, name)
    return _read_csv(content, name)


def _read_csv(content: bytes, name: str) -> list[Listed]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not UTF-8 text (byte {error.start})") from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "id" not in (rows.fieldnames or ()):
        raise UserError(f"{name}: the first line must name the columns, id among them ({', '.join(COLUMNS)})")
    found = []
    for row in rows:
        where = f"{name} line {rows.line_num}"
        if None in row:
            raise UserError(f"{where}: more values than columns")
        fields = {key.strip(): (value or "").strip() for key, value in row.items()}
        if any(fields.values()):
            found.append(Listed({key: value for key, value in fields.items() if value}, where))
    return _distinct(found, name)


def _read_opml(content: bytes, name: str) -> list[Listed]:
    try:
        root = ET.fromstring(content)  # noqa: S314 - the operator's own file, and expat bounds what entities may grow to
    except ET.ParseError as error:
        raise UserError(f"{name} is no OPML: {error}") from None
    found: list[Listed] = []
    taken: set[str] = set()
    for outline in root.iter("outline"):
        url = outline.get("xmlUrl")
        if not url:
            continue
        title = (outline.get("title") or outline.get("text") or url).strip()
        source_id = _free_id(title, taken)
        found.append(Listed({"id": source_id, "owner": title[:300], "url": url}, f"{name}, {title[:60]!r}"))
    if not found:
        raise UserError(f"{name} names no feed (outline with xmlUrl)")
    return _distinct(found, name)


def _free_id(title: str, taken: set[str]) -> str:
    slug = _NO_WORD.sub("-", title.lower()).strip("-")[:60] or "feed"
    number = 1
    while (name := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    taken.add(name)
    return f"rss:{name}"


def _distinct(found: list[Listed], name: str) -> list[Listed]:
    """Return them where each can be read and none stands in the list twice."""
    seen: set[str] = set()
    for source in (one.source() for one in found):
        if source.id.casefold() in seen:
            raise UserError(f"{name}: {source.id} stands in it twice")
        seen.add(source.id.casefold())
    return found


def _typed(key: str, value: Any, source_id: str) -> Any:
    """Turn text into what the key of this platform wants; what cannot be turned is left for the check to refuse."""
    keys = (*ANY_SOURCE, *SOURCE_KEYS.get(source_id.partition(":")[0], ()))
    wanted = next((known.type for known in keys if known.name == key), str)
    if not isinstance(value, str):
        return value
    if wanted is bool and value.lower() in TRUTH:
        return TRUTH[value.lower()]
    if wanted is float:
        try:
            return float(value)
        except ValueError:
            return value
    return value
