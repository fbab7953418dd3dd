"""Reading watchdesk.toml: every fault is told with its line, its key and the nearest right one."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args, get_origin

import msgspec

from app.closest import closest, hint
from app.domain.config import Config, DeskOptions, DestinationConfig, Name, Options, SourceConfig, VariableName
from app.domain.config_keys import (
    ANY_DESTINATION,
    ANY_SOURCE,
    DESTINATION_KEYS,
    DESTINATION_NEEDS,
    SECTION_KEYS,
    SOURCE_KEYS,
    Key,
)
from app.domain.posts import KNOWN_PLATFORMS, RENAMED
from app.domain.watches import Triggers, Watch
from app.errors import SettingsError

MAX_CONFIG_BYTES = 1024 * 1024
# Ours have two parts at most. The library's time grows with the square of the parts: 100,000 of them took it 14 s.
_KEY = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_KEY}(?:[ \t]*+\.[ \t]*+{_KEY}){{32}}")

T = TypeVar("T", bound=msgspec.Struct)

_HANDLE = re.compile(r"\S(?:.{0,198}\S)?")
_X_HANDLE = re.compile(r"@?[A-Za-z0-9_]{1,20}")


class _WatchTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    rule: str = ""
    triggers: Triggers = Triggers()
    destinations: tuple[Name, ...] = ()
    cooldown_s: Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400)] = 600


TOP_KEYS = ("source", "watch", "destination", "desk", *SECTION_KEYS)


def parse_config(content: bytes, name: str = "watchdesk.toml") -> Config:
    """Return what the file says; raise `SettingsError` with its name, the line and the nearest right key where one is wrong."""
    return _File(content, name).config()


def parse_watches(content: bytes, name: str) -> tuple[Watch, ...]:
    """Return the `[[watch]]` tables of a file that may hold nothing else: destinations that they name need not be there."""
    return _File(content, name).watches()


def nearest(wrong: str, right: Iterable[str]) -> str:
    """Return "; did you mean X?" for the nearest of the right names, or the whole list where it is short and none is near."""
    names = list(right)
    meant = hint(wrong, names)
    if meant:
        return meant
    return f"; known: {', '.join(names)}" if len(names) <= 12 else ""


def wrong_handle(source_id: object) -> str | None:
    """Return what is wrong with the handle in a source's id; None where nothing is. A wrong X handle would spoil a rule of many."""
    platform, _, handle = source_id.partition(":") if isinstance(source_id, str) else ("", "", "")
    if not platform:
        return None  # no id, or none that is a text: said elsewhere
    if not _HANDLE.fullmatch(handle):
        return f"id {source_id!r}: write platform:handle, such as x:SyriaCivilDef"
    if platform == "x" and not _X_HANDLE.fullmatch(handle):
        return f"id {source_id!r}: a handle on X has at most 20 letters, digits and _, none else"
    return None


def wrong_value(value: object, expected: Any) -> str | None:
    """Return why a value is not what its key wants (a type of `config_keys`); None where it is."""
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as error:
        if get_origin(expected) is not Literal:
            return _plain(str(error))
        choices = get_args(expected)
        return f"{value!r} is not one of {', '.join(choices)}{hint(str(value), choices)}"
    return None


class _File:
    """One file on its way to a `Config`: the tables, and the text for line numbers."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        if len(content) > MAX_CONFIG_BYTES:
            raise SettingsError(f"{name} is larger than 1 MiB")
        self.digest = _digest(content)
        self.text = self._decoded(content)
        self.tables = self._loaded()

    def config(self) -> Config:
        for key in self.tables:
            if key not in TOP_KEYS:
                self.refuse(f"unknown table [{key}]{nearest(key, TOP_KEYS)}", key)
        watches = self.watches()
        sources = tuple(self._source(n, table) for n, table in enumerate(self._array("source")))
        destinations = tuple(self._destination(n, table) for n, table in enumerate(self._array("destination")))
        self._refuse_doubles("source", [one.id.casefold() for one in sources], "id")
        self._refuse_doubles("destination", [one.name for one in destinations], "name")
        known = [one.name for one in destinations]
        for n, watch in enumerate(watches):
            for wanted in watch.destinations:
                if wanted not in known:
                    self.refuse(
                        f"no [[destination]] is named {wanted!r}{nearest(wanted, known)}", "watch", n, "destinations"
                    )
        return Config(
            sources=sources,
            watches=watches,
            destinations=destinations,
            desk=self._converted(self._table("desk"), DeskOptions, "desk"),
            sections={name: self._section(name) for name in SECTION_KEYS if name in self.tables},
            digest=self.digest,
        )

    def watches(self) -> tuple[Watch, ...]:
        watches = tuple(self._watch(n, table) for n, table in enumerate(self._array("watch")))
        self._refuse_doubles("watch", [one.name for one in watches], "name")
        return watches

    def refuse(self, message: str, table: str, number: int | None = None, key: str | None = None) -> NoReturn:
        line = _line_of(self.text, table, number, key)
        where = f"{self.name} line {line}" if line else self.name
        raise SettingsError(f"{where}: {message}")

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise SettingsError(f"{self.name} line {line}: the file is not UTF-8 text") from error

    def _loaded(self) -> dict[str, Any]:
        if long := _LONG_KEY.search(self.text):
            line = self.text.count("\n", 0, long.start()) + 1
            raise SettingsError(f"{self.name} line {line}: a name has more than 32 parts between dots")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{self.name}: {_toml_message(str(error))}") from error
        except ValueError as error:  # of Python's own reading of numbers
            raise SettingsError(f"{self.name}: a number has too many digits") from error
        except RecursionError as error:
            raise SettingsError(f"{self.name}: values are nested too deeply") from error

    def _array(self, key: str) -> list[dict[str, Any]]:
        value = self.tables.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(f"write [[{key}]] with two brackets: there can be many", key)
        return value

    def _table(self, key: str) -> dict[str, Any]:
        value = self.tables.get(key, {})
        if not isinstance(value, dict):
            self.refuse(f"write [{key}] with one bracket: there is one", key)
        return value

    def _section(self, name: str) -> Options:
        return self._options(self._table(name), SECTION_KEYS[name], name)

    def _watch(self, n: int, table: dict[str, Any]) -> Watch:
        read = self._converted(table, _WatchTable, "watch", n)
        return Watch(read.name, read.rule, read.triggers, read.destinations, read.cooldown_s)

    def _source(self, n: int, table: dict[str, Any]) -> SourceConfig:
        platform = str(table.get("id", "")).partition(":")[0]
        if "id" in table and platform not in KNOWN_PLATFORMS:
            meant = RENAMED.get(platform) or closest(platform, KNOWN_PLATFORMS)
            hinted = f"; did you mean {meant}:?" if meant else ""
            self.refuse(f"platform {platform!r} is not one we know{hinted}", "source", n, "id")
        if wrong := wrong_handle(table.get("id")):
            self.refuse(wrong, "source", n, "id")
        keys = (*ANY_SOURCE, *SOURCE_KEYS.get(platform, ()))
        fixed, rest = self._split(table, SourceConfig, keys, ("source", n))
        source = self._converted(fixed, SourceConfig, "source", n)
        return msgspec.structs.replace(
            source, owner=source.owner or source.handle, options=self._options(rest, keys, "source", n)
        )

    def _destination(self, n: int, table: dict[str, Any]) -> DestinationConfig:
        kind = str(table.get("type", ""))
        if "type" in table and kind not in DESTINATION_KEYS:
            self.refuse(
                f"type {kind!r} is not one we can send to{nearest(kind, DESTINATION_KEYS)}", "destination", n, "type"
            )
        keys = (*ANY_DESTINATION, *DESTINATION_KEYS.get(kind, ()))
        fixed, rest = self._split(table, DestinationConfig, keys, ("destination", n))
        needs = DESTINATION_NEEDS.get(kind, ())
        if needs and not any(need in table for need in needs):
            self.refuse(f"a {kind} destination needs {' or '.join(needs)}", "destination", n)
        destination = self._converted(fixed, DestinationConfig, "destination", n)
        return msgspec.structs.replace(destination, options=self._options(rest, keys, "destination", n))

    def _split(
        self, table: dict[str, Any], model: type[msgspec.Struct], keys: tuple[Key, ...], place: tuple[str, int]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Part the fixed keys of a table from its options; refuse a key that is neither."""
        fixed = {*model.__struct_fields__} - {"options"}  # `msgspec.structs.fields` would take 0.3 ms a table
        own = {key.name for key in keys} - fixed
        for key in table:
            if key not in fixed | own:
                self.refuse(f"unknown key {key}{nearest(key, sorted(fixed | own))}", *place, key)
        return {k: v for k, v in table.items() if k in fixed}, {k: v for k, v in table.items() if k in own}

    def _options(self, table: dict[str, Any], keys: tuple[Key, ...], place: str, n: int | None = None) -> Options:
        types = {key.name: key.type for key in keys}
        read = {}
        for key, value in table.items():
            if key not in types:
                self.refuse(f"unknown key {key}{nearest(key, types)}", place, n, key)
            expected = VariableName if key.endswith("_env") else types[key]
            read[key] = self._checked(value, expected, (place, n, key))
        return read

    def _checked(self, value: Any, expected: Any, where: tuple[str, int | None, str]) -> Any:
        if wrong := wrong_value(value, expected):
            self.refuse(f"{where[2]}: {wrong}", *where)
        return msgspec.convert(value, expected)

    def _converted(self, table: dict[str, Any], model: type[T], place: str, n: int | None = None) -> T:
        fields = model.__struct_fields__
        for key in table:
            if key not in fields:
                self.refuse(f"unknown key {key}{nearest(key, fields)}", place, n, key)
        try:
            return msgspec.convert(table, model)
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            keys = re.findall(r"\.(\w+)", path)
            known = _nested_names(model, keys)
            wrong = re.search(r"unknown field `(.+)`", message)
            if wrong:
                message = f"unknown key {wrong[1]}{nearest(wrong[1], known)}"
            where = f"{'.'.join(keys)}: " if keys else ""
            self.refuse(where + _plain(message), place, n, wrong[1] if wrong else (keys or [None])[-1])

    def _refuse_doubles(self, table: str, values: list[str], key: str) -> None:
        seen: dict[str, int] = {}
        for n, value in enumerate(values):
            if value in seen:
                self.refuse(f"{key} {value!r} stands in two [[{table}]]s", table, n, key)
            seen[value] = n


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(message: str) -> str:
    """Return msgspec's message in the words of a person: no types of Python, no back-ticks."""
    words = {
        "`object`": "a table",
        "`array`": "a list",
        "`str`": "a text",
        "`int`": "a whole number",
        "`float`": "a number",
        "`bool`": "true or false",
        "`null`": "nothing",
    }
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message.replace("`", "").replace("Object missing required field", "missing key")


def _toml_message(message: str) -> str:
    """Return tomllib's message with its line first."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|(end of document))\)", message, re.DOTALL)
    if not found:
        return message
    where = "at the end of the file" if found[4] else f"line {found[2]} column {found[3]}"
    return f"{where}: {found[1]}"


def _nested_names(model: type[msgspec.Struct], keys: list[str]) -> list[str]:
    """Return the field names of the struct that `keys` lead to from `model`."""
    names = [field.name for field in msgspec.structs.fields(model)]
    for key in keys:
        fields = {field.name: field.type for field in msgspec.structs.fields(model)}
        inner = [t for t in (fields.get(key), *getattr(fields.get(key), "__args__", ())) if isinstance(t, type)]
        structs = [t for t in inner if issubclass(t, msgspec.Struct)]
        if not structs:
            return names
        model = structs[0]
        names = [field.name for field in msgspec.structs.fields(model)]
    return names


def _line_of(text: str, table: str, number: int | None, key: str | None) -> int | None:
    """Return the line of `key` in the numberth `[[table]]` (or in `[table]`), of its header where the key is not found."""
    header = re.compile(rf"\s*\[+\s*{re.escape(table)}\s*(\]|\.)")
    assignment = re.compile(rf"(.*[\s{{,.])?[\"']?{re.escape(key)}[\"']?\s*=") if key else None
    seen, inside, found = -1, False, None
    for line_no, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            opened = header.match(line)
            if opened and opened[1] == "]":
                seen += 1
            inside = bool(opened) and (number is None or seen == number)
            found = found or (line_no if inside else None)
        elif re.match(rf"\s*[\"']?{re.escape(table)}[\"']?\s*=", line):
            found = found or line_no
        if inside and assignment and assignment.match(line):
            return line_no
    return found
