"""`watchdesk config check`: what is wrong, or will be, with settings that can all be read. Loads the rules; asks no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.closest import hint
from app.db.revisions import refuse_folder
from app.domain.clocks import before_build
from app.domain.config import SourceConfig
from app.domain.config_keys import RECHECK_DAYS, SOURCE_KEYS
from app.domain.rights import DELETE_24H
from app.domain.rule_ast import Op, Rule
from app.domain.rule_places import compile_rule
from app.domain.rule_vetting import vet_rule
from app.domain.rules import parse_rule
from app.domain.watches import Triggers
from app.errors import RuleError, SettingsError
from app.settings import Settings, port_problem, prepare_home, refuse_missing_places
from app.streams.settings import BACKUPS_COVERED

if TYPE_CHECKING:
    from app.domain.gazetteer import Gazetteer

DELETE_WITHIN_HOURS = 24  # what a source with `delete_24h` allows after a deletion upstream


class Finding(NamedTuple):
    """`error`: it will not work; `warning`: it works, but not as you may think; `note`: worth knowing. `says` is one line or has a caret."""

    level: Literal["error", "warning", "note"]
    where: str
    says: str


def check_config(
    settings: Settings,
    *,
    now: datetime,
    gazetteer: Gazetteer | None = None,
    actors: Sequence[str] = (),
    argv: Sequence[str] = (),
) -> list[Finding]:
    """Return everything found, the worst first. Places are checked where a gazetteer is given, actors where their ids are."""
    found = [
        *_machine(settings, now),
        *_secrets(settings, argv),
        *_watches(settings, gazetteer, actors),
        *_sources(settings, gazetteer, actors),
        *check_retention(settings),
        *_lookups(settings),
        *(Finding("note", "settings", notice) for notice in settings.notices),
    ]
    return sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.level))


def _machine(settings: Settings, now: datetime) -> Iterator[Finding]:
    try:
        prepare_home(settings.home)
        if settings.database.file is not None:
            refuse_folder(settings.database.file)
        refuse_missing_places(settings)
    except SettingsError as error:
        name, _, says = error.detail.partition(": ")
        yield Finding("error", name, says)
    if wrong := before_build(now):
        yield Finding("error", "clock", wrong)
    for name, host, port in (
        ("WATCHDESK_PORT", settings.host, settings.port),
        ("WATCHDESK_OPS_PORT", settings.ops_host, settings.ops_port),
    ):
        problem = port_problem(host, port) if port else None
        if problem:
            yield Finding("warning", name, problem)


def _secrets(settings: Settings, argv: Sequence[str]) -> Iterator[Finding]:
    config = settings.config
    if any(secret in argument for secret in settings.secrets() for argument in argv):
        yield Finding(
            "warning",
            "command line",
            "a secret stands on the command line, where everybody can see it; use its variable",
        )
    for destination in config.destinations:
        cited = (
            destination.url_env,
            destination.token_env,
            *(v for k, v in destination.options.items() if k.endswith("_env")),
        )
        for variable in cited:
            if variable and settings.secret_of(variable) is None:
                yield Finding(
                    "error", f"destination {destination.name}", f"{variable} is not set (nor {variable}_FILE)"
                )
        if destination.type == "webhook" and "secret_env" not in destination.options and settings.secret_key is None:
            says = "its signing secret is stored encrypted, so WATCHDESK_SECRET_KEY must be set (or give secret_env)"
            yield Finding("error", f"destination {destination.name}", says)
    tables = [(f"[{name}]", options) for name, options in config.sections.items()]
    tables += [(f"source {source.id}", source.options) for source in config.sources]
    for where, options in tables:
        for key, variable in options.items():
            if key.endswith("_env") and settings.secret_of(str(variable)) is None:
                yield Finding(
                    "warning", where, f"{variable} is not set (nor {variable}_FILE): these sources will not be read"
                )


def _watches(settings: Settings, gazetteer: Gazetteer | None, actors: Sequence[str]) -> Iterator[Finding]:
    seen: dict[tuple[str, Triggers, frozenset[str]], str] = {}
    for watch in settings.config.watches:
        where = f"watch {watch.name}"
        try:
            rule = parse_rule(watch.rule)
            vet_rule(rule, empty_allowed=True)
            notes = compile_rule(rule, gazetteer).notes if gazetteer is not None else ()
        except RuleError as error:
            yield Finding("error", where, error.with_caret())
            continue
        yield from (Finding("note", where, note) for note in notes)
        yield from _unknown_actors(where, rule, actors)
        same = (rule.key, watch.triggers, frozenset(watch.destinations))
        if same in seen:
            yield Finding("warning", where, f"is the same as watch {seen[same]}: every alert comes twice")
        seen.setdefault(same, watch.name)
        if not watch.destinations:
            yield Finding(
                "note", where, "names no destination: its alerts stand in the API, on the page and in the feeds only"
            )


def _unknown_actors(where: str, rule: Rule, actors: Sequence[str]) -> Iterator[Finding]:
    known = {actor.casefold() for actor in actors}
    for term in rule.terms():
        if term.op is Op.ACTOR and known and term.norms[0] not in known:
            yield Finding("warning", where, f"no post is tagged with actor {term.value}{hint(term.value, actors)}")


def _sources(settings: Settings, gazetteer: Gazetteer | None, actors: Sequence[str]) -> Iterator[Finding]:
    config = settings.config
    known = {actor.casefold() for actor in actors}
    for source in config.sources:
        where = f"source {source.id}"
        if source.area and gazetteer is not None and not gazetteer.lookup(source.area):
            near = ", ".join(place.name for place in gazetteer.suggest(source.area))
            yield Finding(
                "error", where, f"no place is called {source.area}" + (f"; did you mean {near}?" if near else "")
            )
        if source.actor and known and source.actor.casefold() not in known:
            yield Finding("warning", where, f"no post is tagged with actor {source.actor}{hint(source.actor, actors)}")
        yield from _unreadable(where, source, settings)
    if config.sources and not any(source.grade in "ABCD" for source in config.sources):
        yield Finding("warning", "sources", "no source has a grade of A to D, so no incident can become likely")


def _unreadable(where: str, source: SourceConfig, settings: Settings) -> Iterator[Finding]:
    needs = {"x": "bearer_token_env", "telegram": "session_env"}.get(source.platform)
    if needs and needs not in settings.config.section(source.platform):
        says = f"live posts need [{source.platform}] {needs}; until then it counts in replays and the inbox only"
        yield Finding("note", where, says)
    if why := why_unread(source):
        yield Finding("note", where, why)


def why_unread(source: SourceConfig) -> str | None:
    """Return why nothing will ever read this source as it is configured; None where something can."""
    if source.platform not in SOURCE_KEYS and source.platform != "inbox":
        return f"nothing here reads {source.platform}: it counts in replays and the inbox only"
    if source.platform in {"rss", "web"} and "url" not in source.options:
        return "it has no url: it counts in replays and the inbox only"
    return None


def _lookups(settings: Settings) -> Iterator[Finding]:
    section = settings.config.section("x")
    days = section.get("recheck_days", RECHECK_DAYS)
    if "bearer_token_env" in section and not 0 < settings.retention_days <= days:
        says = (
            f"posts of X are looked up for {days:g} days after they came; what is deleted there later, by accounts that "
            f"you do not follow, stays here: set WATCHDESK_RETENTION_DAYS={max(1, int(days))} or a larger recheck_days"
        )
        yield Finding("note", "[x]", says)


def check_retention(settings: Settings) -> Iterator[Finding]:
    """Find whether records stand long enough for a restore, and short enough for the sources whose deletions bind us."""
    asked, apart = settings.stream.retention_days * 24, settings.stream.backup_hours
    needed = apart * BACKUPS_COVERED
    if asked < needed:
        says = f"records stand for {asked} h, backups are {apart} h apart: a restore may need {needed} h of records ({BACKUPS_COVERED} backups)"
        yield Finding("warning", "WATCHDESK_STREAM_RETENTION_DAYS", says)
    strict = [source.id for source in settings.config.sources if source.rights == DELETE_24H]
    if strict and (too_long := why_too_long(settings, strict[0])):
        yield Finding("error", "rights", too_long)


def why_too_long(settings: Settings, source_id: str) -> str | None:
    """Return why what this source deleted would outlive 24 h in the log or in backups, and what to set; None where it would not."""
    asked, apart = settings.stream.retention_days * 24, settings.stream.backup_hours
    # On a broker the longer one is set.
    kept = max(asked, apart * BACKUPS_COVERED) if settings.stream.kafka is not None else asked
    if max(kept, apart) <= DELETE_WITHIN_HOURS:
        return None
    return (
        f"{source_id} must be gone {DELETE_WITHIN_HOURS} h after its deletion, but records stand for {kept} h and "
        f"backups are {apart} h apart: set WATCHDESK_STREAM_RETENTION_DAYS=1 and "
        f"WATCHDESK_BACKUP_HOURS={DELETE_WITHIN_HOURS // BACKUPS_COVERED} or less"
    )
