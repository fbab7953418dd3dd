"""Reading settings from the environment: each variable is one row of a table, so that documents and tests can list them all."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from app.closest import hint
from app.errors import SettingsError

MAX_SECRET_BYTES = 64 * 1024


class Variable(NamedTuple):
    """One setting. `default` is what counts when it is not set; a `secret` may come from a file named by `<name>_FILE` instead."""

    name: str
    default: str
    meaning: str
    secret: bool = False


class Environment:
    """The typed view of an environment on a table of variables. Every error is a `SettingsError` that names the variable."""

    def __init__(self, environ: Mapping[str, str], variables: Iterable[Variable]) -> None:
        self._environ = environ
        self._variables = {variable.name: variable for variable in variables}

    def text(self, name: str) -> str:
        """Return the value, or the default where it is unset or blank."""
        return self._environ.get(name, "").strip() or self._variables[name].default

    def secret(self, name: str) -> str | None:
        """Return the secret itself or the content of the file that `<name>_FILE` names; None where neither is set."""
        return read_secret(self._environ, name)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise SettingsError(f"{name}={shown(value)} is not one of {', '.join(choices)}{hint(value, choices)}")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, ("yes", "no", "true", "false", "1", "0")) in {"yes", "true", "1"}

    def whole(self, name: str, low: int, high: int) -> int:
        value = self.text(name)
        try:
            number = int(value)
        except ValueError:
            raise SettingsError(f"{name}={shown(value)} is not a whole number") from None
        return int(_within(name, number, low, high))

    def seconds(self, name: str, low: float, high: float) -> float:
        value = self.text(name)
        try:
            number = float(value)
        except ValueError:
            raise SettingsError(f"{name}={shown(value)} is not a number of seconds") from None
        return _within(name, number, low, high)

    def listed(self, name: str) -> tuple[str, ...]:
        """Return the parts between commas, blanks dropped."""
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())


def read_secret(environ: Mapping[str, str], name: str) -> str | None:
    """Return the value of `name`, or of the file that `<name>_FILE` names; refuse a file that everybody on the machine can read."""
    direct = environ.get(name, "").strip()
    file = environ.get(f"{name}_FILE", "").strip()
    if direct and file:
        raise SettingsError(f"{name} and {name}_FILE are both set; keep one of them")
    if not file:
        return direct or None
    path = Path(file)
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise SettingsError(f"{name}_FILE: everybody on this machine can read {path}; run chmod 600 {path}")
        with path.open("rb") as opened:
            content = opened.read(MAX_SECRET_BYTES).decode().strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}_FILE: {path} is not UTF-8 text") from error
    if not content:
        raise SettingsError(f"{name}_FILE: {path} is empty")
    return content


def shown(value: str) -> str:
    """Return a value fit for one line of an error."""
    return repr(value if len(value) <= 60 else value[:57] + "...")


def _within(name: str, number: float, low: float, high: float) -> float:
    if not low <= number <= high:
        raise SettingsError(f"{name}={number:g} is out of range {low:g} to {high:g}")
    return number
