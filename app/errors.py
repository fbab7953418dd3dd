"""The exception tree. A class's docstring is its default message, so no error can be undocumented.

WatchdeskError
├── UserError            what a person gave us is wrong; the CLI prints one line and exits 2, the API answers 4xx
│   ├── SettingsError    an environment variable or a line of watchdesk.toml
│   ├── RuleError        a rule, with position and caret
│   ├── GazetteerError   a gazetteer file
│   ├── SchemaError      the database was written by another build
│   └── HomeHeldError    another process owns the home
├── Invalid              this item cannot be a post: quarantine it and go on
├── Unavailable          a dependency is down: pause, retry for ever, quarantine nothing
└── DamagedError         our own data is damaged: stop loudly
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why an item was quarantined: a closed set, so that a typo fails and every series exists from the start."""

    BAD_JSON = "bad_json"
    BAD_ENCODING = "bad_encoding"
    TOO_DEEP = "too_deep"
    BAD_ID = "bad_id"
    AMBIGUOUS_ID = "ambiguous_id"
    BAD_TYPE = "bad_type"
    TOO_LARGE = "too_large"
    BAD_RECORD = "bad_record"
    BAD_VERSION = "bad_version"
    POISON = "poison"


class WatchdeskError(Exception):
    """Something went wrong in watchdesk."""

    status = 500
    code = "internal"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (type(self).__doc__ or "").splitlines()[0])

    @property
    def detail(self) -> str:
        return str(self.args[0])


class UserError(WatchdeskError):
    """What you gave cannot be used."""

    status = 422
    code = "invalid"


class SettingsError(UserError):
    """A setting cannot be used."""

    code = "settings"


class RuleError(UserError):
    """The rule cannot be used.

    `position` is the code point in the rule at which it went wrong, None where the whole rule is meant.
    """

    code = "bad_rule"

    def __init__(self, detail: str, *, rule: str = "", position: int | None = None) -> None:
        self.rule = rule
        self.position = position
        super().__init__(detail)

    def with_caret(self) -> str:
        """Return the message with the rule and a caret under the place, three lines."""
        if self.position is None or not self.rule:
            return self.detail
        line = self.rule.replace("\n", " ").replace("\t", " ")
        start = max(0, self.position - 60)
        return f"{self.detail}\n  {line[start : start + 120]}\n  {' ' * (self.position - start)}^"


class GazetteerError(UserError):
    """The gazetteer file cannot be used."""

    code = "gazetteer"


class SchemaError(UserError):
    """The database does not have the schema of this build."""

    code = "schema"


class HomeHeldError(UserError):
    """Another process owns the home."""

    code = "home_held"


class Invalid(WatchdeskError):  # noqa: N818 - an instruction to the runner, not a failure
    """The item cannot be a post."""

    status = 422
    code = "quarantined"

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class Unavailable(WatchdeskError):  # noqa: N818 - same
    """A dependency is down; `what` names it ("database", "broker")."""

    status = 503
    code = "unavailable"

    def __init__(self, what: str, detail: str, *, retry_after: float = 5.0) -> None:
        self.what = what
        self.retry_after = retry_after
        super().__init__(detail)


class DamagedError(WatchdeskError):
    """Our own data is damaged."""

    code = "damaged"
