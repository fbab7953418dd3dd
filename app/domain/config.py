"""What watchdesk.toml says: sources, watches, destinations and the desk's own numbers. Rules are kept as text and parsed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from app.domain.watches import MAX_NAME, Watch

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f]+$")]
VariableName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Options = Mapping[str, Any]


class SourceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source: `id` is `platform:handle`; accounts of one `owner` are one origin; `actor` is the party it speaks for, if any.

    `rights`: "full" (text may be kept and shown), "reference" (id, link and our own facts leave, the text does not),
    "delete_24h" (as full, and gone within 24 h of its deletion upstream). `options` are the producer's own keys.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,28}:\S(?:.{0,198}\S)?$")]
    owner: Annotated[str, msgspec.Meta(max_length=300)] = ""
    grade: Literal["A", "B", "C", "D", "E", "F"] = "F"
    area: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    rights: Literal["full", "reference", "delete_24h"] = "full"
    actor: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] | None = None
    options: Options = {}

    @property
    def platform(self) -> str:
        return self.id.partition(":")[0]

    @property
    def handle(self) -> str:
        return self.id.partition(":")[2]


class DestinationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where alerts go. Secrets are named (`*_env`), never written; `options` are the keys of its type."""

    name: Name
    type: str
    url_env: VariableName | None = None
    token_env: VariableName | None = None
    options: Options = {}


class ConfirmRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the desk itself calls an incident confirmed: so many origins, so many of them of `grade` or better."""

    origins: Annotated[int, msgspec.Meta(ge=2, le=100)] = 3
    graded: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    grade: Literal["A", "B", "C", "D"] = "B"


class DeskOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The desk's numbers. Hours and km as named; `coverage_min` is a share (0 to 1); no `confirm` rule: only an editor confirms."""

    coverage_min: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.8
    late_hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 365)] = 6.0
    radius_km: Annotated[float, msgspec.Meta(ge=1, le=200)] = 15.0
    incident_hours: Annotated[float, msgspec.Meta(ge=1, le=24 * 30)] = 24.0
    denial_hours: Annotated[float, msgspec.Meta(ge=0.5, le=24 * 30)] = 6.0
    home_countries: tuple[Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")], ...] = ()
    timezone: str = "UTC"
    confirm: ConfirmRule | None = None


class Config(msgspec.Struct, frozen=True):
    """The whole file. `sections` are the producers' own tables ([x], [bluesky] ...); `digest` names this very content."""

    sources: tuple[SourceConfig, ...] = ()
    watches: tuple[Watch, ...] = ()
    destinations: tuple[DestinationConfig, ...] = ()
    desk: DeskOptions = DeskOptions()
    sections: Mapping[str, Options] = {}
    digest: str = ""

    def section(self, name: str) -> Options:
        return self.sections.get(name, {})

    def cited(self) -> tuple[str, ...]:
        """Return the names of the environment variables that the file cites as `*_env`."""
        tables: list[Options] = [*self.sections.values()]
        tables += [source.options for source in self.sources]
        tables += [destination.options for destination in self.destinations]
        names = [str(table[key]) for table in tables for key in table if key.endswith("_env")]
        names += [env for one in self.destinations for env in (one.url_env, one.token_env) if env]
        return tuple(dict.fromkeys(names))
