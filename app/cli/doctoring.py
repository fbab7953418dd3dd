"""What `watchdesk doctor` looks at: each check answers for itself, and one that fails stops no other."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from app.ballast import NAME as BALLAST
from app.ballast import refuse_without_room
from app.cli.clock_check import check_clock
from app.cli.printing import console, print_lines, visible
from app.clock import SystemClock
from app.config_check import check_config
from app.db import destinations
from app.db.destinations import KnownDestination
from app.db.migrate import check, head
from app.db.retention import rows_due
from app.db.revisions import refuse_folder
from app.db.session import open_database
from app.errors import HomeHeldError, SchemaError, SettingsError, Unavailable, UserError, WatchdeskError
from app.gazetteer_file import default_path, open_gazetteer
from app.home import hold_home
from app.notify.build import Builder
from app.notify.secrets import SecretBox
from app.settings import Settings, prepare_home, refuse_missing_places
from app.streams.open import open_stream
from consumers.outlets import spec_of

DEADLINE_S = 10.0  # for one check: a broker that swallows packets must not hold the others up
LOW_DISK = 2_000_000_000  # bytes, as in the alarm WatchdeskDiskLow


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check found: "ok", "look" (works, but not as it should) or "fail"; `todo` says what to do."""

    check: str
    state: Literal["ok", "look", "fail"]
    detail: str
    todo: str = ""


STATES: Mapping[str, Literal["ok", "look", "fail"]] = {"error": "fail", "warning": "look", "note": "ok"}

Look = Callable[[Settings], Awaitable[Finding]]


async def examine(settings: Settings) -> list[Finding]:
    """Run every check; return the findings in the order of the table, those of watchdesk.toml first."""
    found = [*_configuration(settings)]
    for name, look_at in CHECKS.items():
        try:
            async with asyncio.timeout(DEADLINE_S):
                found.append(await look_at(settings))
        except TimeoutError:
            found.append(
                Finding(name, "fail", f"no answer within {DEADLINE_S:.0f} s", "see whether its address is right")
            )
        except Unavailable as down:
            found.append(Finding(name, "fail", down.detail, f"start the {down.what}, or correct its address"))
        except WatchdeskError as error:
            found.append(Finding(name, "fail", error.detail))
        except OSError as error:
            found.append(Finding(name, "fail", f"{error.filename}: {error.strerror}"))
    return found


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        print_lines(findings)
        return
    screen = console()
    styles = {"ok": "green", "look": "yellow", "fail": "bold red"}
    for finding in findings:
        line = visible(f"{finding.state:<5}{finding.check}: {finding.detail}")
        line.stylize(styles[finding.state], 0, 4)
        screen.print(line)
        if finding.todo:
            screen.print(visible(f"     -> {finding.todo}"))


def _configuration(settings: Settings) -> list[Finding]:
    found = [one for one in check_config(settings, now=datetime.now(UTC), argv=sys.argv) if one.where != "clock"]
    if not found:
        counted = f"{len(settings.config.sources)} sources, {len(settings.config.watches)} watches"
        return [Finding("settings", "ok", f"{settings.config_path}: {counted}")]
    return [Finding(one.where, STATES[one.level], one.says) for one in found]


async def _home(settings: Settings) -> Finding:
    prepare_home(settings.home)
    try:
        with hold_home(settings.home, command="doctor", since=datetime.now(UTC)):
            return Finding("home", "ok", f"{settings.home.absolute()} can be written, and nobody runs in it")
    except HomeHeldError as held:
        return Finding("home", "ok", held.detail.partition(";")[0])


async def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.home).free
    detail = f"{free / 1e9:.1f} GB are free where the home lies"
    ballast = settings.home / BALLAST
    laid = f", and {ballast} holds {ballast.stat().st_size / 1e6:.0f} MB more" if ballast.exists() else ""
    try:
        refuse_without_room(settings.home)
    except Unavailable as full:
        todo = "`watchdesk doctor --release-ballast`, then free some space" if laid else "free some space"
        return Finding("disk", "fail", full.detail.partition(";")[0] + laid, todo)
    if free < LOW_DISK:
        return Finding("disk", "look", detail + laid, "shorten the retention settings or give it a larger disk")
    return Finding("disk", "ok", detail + laid)


async def _database(settings: Settings) -> Finding:
    file = settings.database.file
    if file is not None:
        refuse_folder(file)
    if file is not None and not file.exists():
        return Finding(
            "database", "look", f"{file} is not there yet", "`watchdesk run` or `watchdesk migrate` makes it"
        )
    await check(settings.database_url)
    return Finding("database", "ok", f"answers, at revision {head()}")


async def _empty(settings: Settings) -> str | None:
    """Return why there is nothing to ask the database for, None where there is: a database that is away, or not ours, is told by its own check."""
    file = settings.database.file
    if file is not None and not file.exists():
        return "nothing is stored yet"
    try:
        await check(settings.database_url)
    except SchemaError:
        return "nothing can be read before the database is migrated"
    return None


async def _clock(settings: Settings) -> Finding:
    return Finding("clock", *await check_clock(settings, SystemClock()))


async def _housekeeping(settings: Settings) -> Finding:
    if empty := await _empty(settings):
        return Finding("housekeeping", "ok", empty)
    async with open_database(settings.database_url, role="cli") as database, database.read() as session:
        due = await rows_due(session, datetime.now(UTC))
    if due:
        todo = "it runs in `watchdesk run` and beside `watchdesk consume desk`: start one, or read its log"
        return Finding("housekeeping", "look", f"{due} exercises of two days ago are still there", todo)
    return Finding("housekeeping", "ok", "nothing is left that is past its time")


async def _stream(settings: Settings) -> Finding:
    kafka = settings.stream.kafka
    if kafka is None and not settings.stream.file.exists():
        return Finding("log", "look", f"{settings.stream.file} is not there yet", "`watchdesk run` makes it")
    async with open_stream(settings.stream, SystemClock()) as stream:
        await stream.ping()
    return Finding("log", "ok", f"{', '.join(kafka.bootstrap) if kafka else settings.stream.file} answers")


async def _places(settings: Settings) -> Finding:
    refuse_missing_places(settings)
    path = settings.gazetteer or default_path(settings.home)
    if not path.exists():
        return Finding(
            "places", "look", f"{path} is not there yet", "`watchdesk gazetteer build` makes it; so does the first use"
        )
    try:
        open_gazetteer(path)
    except UserError as error:
        return Finding("places", "fail", error.detail, "`watchdesk gazetteer build`")
    return Finding("places", "ok", f"{path}, {path.stat().st_size / 1e6:.0f} MB")


async def _destinations(settings: Settings) -> Finding:
    if empty := await _empty(settings):
        return Finding("destinations", "ok", empty)
    async with open_database(settings.database_url, role="cli") as database, database.read() as session:
        states = await destinations.states(session)
        names = await destinations.active_names(session)
        known = await destinations.known(session)
    off = [f"{name} ({states[name].detail})" for name in names if name in states and states[name].disabled_at]
    failing = [f"{name} ({states[name].detail})" for name in names if name in states and states[name].failing_since]
    if unusable := [why for one in known if one.destination.name in names and (why := _why_unusable(settings, one))]:
        return Finding("destinations", "fail", "; ".join(unusable), "until then its alerts wait")
    if off:
        return Finding(
            "destinations", "fail", f"switched off: {', '.join(off)}", "repair and enable them, then send a test"
        )
    if failing:
        return Finding("destinations", "look", f"failing: {', '.join(failing)}", "see whether the other side is down")
    return Finding("destinations", "ok", ", ".join(names) or "none: alerts are on the page and the API only")


def _why_unusable(settings: Settings, known: KnownDestination) -> str | None:
    """Return what a destination lacks before anything could be sent to it, as seen from here."""
    box, outbound = SecretBox(settings.secret_key), settings.config.section("outbound")
    builder = Builder(secret_of=settings.secret_of, box=box, outbound=outbound, clock=SystemClock())
    try:
        builder.build(spec_of(known.destination))
    except SettingsError as error:
        return error.detail
    return None


CHECKS: dict[str, Look] = {
    "home": _home,
    "disk": _disk,
    "database": _database,
    "clock": _clock,
    "housekeeping": _housekeeping,
    "log": _stream,
    "places": _places,
    "destinations": _destinations,
}
