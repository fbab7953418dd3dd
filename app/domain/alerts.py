"""an incident and what a watch was told of it -> the next step of the alert, if any, with every reason."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib.resources import files

import msgspec

from app.domain.geo import distance_km
from app.domain.incidents import Facts, Incident, Member, digest
from app.domain.watches import Watch
from app.messages import AlertMessage, PlaceView

LEVELS = ("reported", "likely", "confirmed")


class Cause(msgspec.Struct, frozen=True):
    """What made us look: the post (as given) or None for an editor, the time of the alert, whether it may raise a `first`.

    `recorded`: it comes from a replay, so how the sources are now says nothing of it. `deleted`: its author took the post back.
    """

    now: datetime
    post: str | None
    fresh: bool = True
    recorded: bool = False
    deleted: bool = False


class Told(msgspec.Struct, frozen=True):
    """What a watch was last told of an incident. `steps` counts its alerts by step; `out`: the last of them withdrew it."""

    steps: dict[str, int]
    level: str
    kind: str
    actors: tuple[str, ...]
    place: PlaceView
    quiet_days: int | None
    killed: int | None
    denials: int
    triggers: tuple[str, ...]
    at: datetime
    out: bool = False


class Step(msgspec.Struct, frozen=True):
    """A decision to alert: which step, its number, every reason, and what the watch has been told from now on."""

    step: str
    number: int
    reasons: tuple[str, ...]
    told: Told


class Names(msgspec.Struct, frozen=True):
    """How people call the actors and countries that we know by id and code."""

    actors: Mapping[str, str] = {}
    countries: Mapping[str, str] = {}


def load_actor_names() -> dict[str, str]:
    """Return how people call the actors, from the packaged table."""
    table = files("app.domain").joinpath("data", "actor_names.toml").read_text(encoding="utf-8")
    return {actor: str(name) for actor, name in tomllib.loads(table).items()}


def scope_of(incident: Incident, watch: str) -> tuple[str, ...] | None:
    """Return why the watch looks at this incident: the reasons of its first post that matches; None where none does."""
    for member in incident.members:
        if watch in member.watches:
            return member.watches[watch]
    return None


def triggers_holding(watch: Watch, incident: Incident, facts: Facts) -> dict[str, str]:
    """Return the triggers of the watch that hold now, each with its sentence."""
    wanted = watch.triggers
    holding: dict[str, str] = {}
    if wanted.origins is not None and len(facts.origins) >= wanted.origins:
        holding["origins"] = f"trigger: {len(facts.origins)} origins (at least {wanted.origins})"
    if wanted.lull_days is not None and (incident.quiet.days or 0) >= wanted.lull_days:
        holding["lull"] = f"trigger: quiet for {incident.quiet.days} days (at least {wanted.lull_days})"
    if wanted.killed is not None and facts.killed is not None and facts.killed[1] >= wanted.killed:
        holding["killed"] = f"trigger: up to {facts.killed[1]} killed (at least {wanted.killed})"
    if wanted.burst_posts is not None:
        most = _most_within(incident.members, timedelta(minutes=wanted.burst_minutes))
        if most >= wanted.burst_posts:
            holding["burst"] = f"trigger: {most} posts within {wanted.burst_minutes} minutes"
    return holding


def _most_within(members: Sequence[Member], window: timedelta) -> int:
    times = sorted(member.at for member in members)
    most = start = 0
    for end, at in enumerate(times):
        while at - times[start] > window:
            start += 1
        most = max(most, end - start + 1)
    return most


def next_step(watch: Watch, incident: Incident, facts: Facts | None, told: Told | None, cause: Cause) -> Step | None:
    """Return the step that this watch is owed now; None where nothing changed that it must hear of."""
    scope = scope_of(incident, watch.name)
    live = facts is not None and facts.state == "open"
    if told is None:
        if facts is None or not live or scope is None or not cause.fresh:
            return None
        return _first(watch, incident, facts, scope, cause)
    if facts is None or not live or scope is None:
        if not told.out:
            return _step("withdrawn", (_why_out(facts, scope),), told, cause, out=True)
        return _step("withdrawn", (_gone(cause),), told, cause, out=True) if cause.deleted else None
    return _change(watch, incident, facts, told, cause)


def why_silent(watch: Watch, incident: Incident, facts: Facts | None, told: Told | None, cause: Cause) -> str | None:
    """Return what held an alert back where `next_step` gave none: "late", "trigger" or "cooldown"; None where nothing was owed."""
    if facts is None or facts.state != "open" or scope_of(incident, watch.name) is None:
        return None
    if told is None:
        return "trigger" if cause.fresh else "late"
    return "cooldown" if _updates(facts, told, triggers_holding(watch, incident, facts), cause) else None


def _first(watch: Watch, incident: Incident, facts: Facts, scope: tuple[str, ...], cause: Cause) -> Step | None:
    holding = triggers_holding(watch, incident, facts)
    if not holding and not watch.triggers.empty:
        return None
    told = _told(facts, incident, holding, cause, {})
    reasons = (*scope, facts.level_reason, incident.quiet.reason, *holding.values())
    return _step("first", reasons, told, cause)


def _change(watch: Watch, incident: Incident, facts: Facts, told: Told, cause: Cause) -> Step | None:
    holding = triggers_holding(watch, incident, facts)
    by_step = {
        "corrected": _corrections(incident, facts, told),
        "promoted": _promotions(facts, told),
        "updated": _updates(facts, told, holding, cause),
    }
    step = next((name for name, reasons in by_step.items() if reasons), None)
    if step is None or (step == "updated" and _held_back(watch, incident, told, cause)):
        return None
    reasons = tuple(reason for found in by_step.values() for reason in found)
    return _step(step, reasons, _told(facts, incident, holding, cause, told.steps), cause)


def _held_back(watch: Watch, incident: Incident, told: Told, cause: Cause) -> bool:
    if cause.deleted:  # what was shown of the post has to go from where it is shown, at once
        return False
    muted = incident.editor.muted_until is not None and cause.now < incident.editor.muted_until
    return muted or cause.now - told.at < timedelta(seconds=watch.cooldown_s)


def _corrections(incident: Incident, facts: Facts, told: Told) -> list[str]:
    reasons = []
    if told.out:
        reasons.append("the incident stands again after it was withdrawn")
    if LEVELS.index(facts.level) < LEVELS.index(told.level):
        reasons.append(f"the level fell from {told.level} to {facts.level}: {facts.level_reason}")
    moved = distance_km(told.place.lat, told.place.lon, facts.place.lat, facts.place.lon)
    if moved > told.place.radius_km:
        reasons.append(f"the place moved {moved:.0f} km, from {told.place.name} to {facts.place.name}")
    if facts.kind != told.kind:
        reasons.append(f"the kind changed from {_words(told.kind)} to {_words(facts.kind)}")
    if set(facts.actors) != set(told.actors):
        reasons.append(f"the actor changed from {', '.join(told.actors)} to {', '.join(facts.actors)}")
    if incident.quiet.days != told.quiet_days:
        reasons.append(f"the quiet time changed from {told.quiet_days} to {incident.quiet.days} days")
    if told.killed is not None and (facts.killed is None or facts.killed[1] < told.killed):
        reasons.append(f"the toll fell from {told.killed} killed to {facts.killed[1] if facts.killed else 'none said'}")
    return reasons


def _promotions(facts: Facts, told: Told) -> list[str]:
    if LEVELS.index(facts.level) <= LEVELS.index(told.level):
        return []
    return [f"the level rose from {told.level} to {facts.level}", facts.level_reason]


def _updates(facts: Facts, told: Told, holding: Mapping[str, str], cause: Cause) -> list[str]:
    reasons = []
    if cause.deleted:
        reasons.append(_gone(cause))
    if facts.denials > told.denials:
        reasons.append("it is denied")
    if facts.killed is not None and facts.killed[1] > 0 and facts.killed[1] >= 2 * (told.killed or 0):
        reasons.append(f"the toll rose from {told.killed or 'none said'} to {facts.killed[1]} killed")
    reasons.extend(sentence for name, sentence in holding.items() if name not in told.triggers)
    return reasons


def _gone(cause: Cause) -> str:
    return f"post {cause.post} was deleted by its author: do not show its words any longer"


def _why_out(facts: Facts | None, scope: tuple[str, ...] | None) -> str:
    if facts is None:
        return "no report is left: it was deleted or corrected by its author"
    if facts.state != "open":
        return f"the incident was {facts.state} by the desk"
    return "the incident no longer matches the watch" if scope is None else "out of scope"


def _told(facts: Facts, incident: Incident, holding: Mapping[str, str], cause: Cause, steps: dict[str, int]) -> Told:
    return Told(
        steps=steps,
        level=facts.level,
        kind=facts.kind,
        actors=facts.actors,
        place=facts.place,
        quiet_days=incident.quiet.days,
        killed=facts.killed[1] if facts.killed else None,
        denials=facts.denials,
        triggers=tuple(holding),
        at=cause.now,
    )


def _step(step: str, reasons: tuple[str, ...], told: Told, cause: Cause, *, out: bool = False) -> Step:
    number = told.steps.get(step, 0) + 1
    now_told = msgspec.structs.replace(told, steps={**told.steps, step: number}, at=cause.now, out=out)
    return Step(step, number, tuple(dict.fromkeys(filter(None, reasons))), now_told)


def alert_of(
    watch: str, incident: Incident, facts: Facts | None, step: Step, cause: Cause, names: Names
) -> AlertMessage:
    """Return the alert for a step; its id is the same whenever the same decision is made again."""
    own = dict.fromkeys(member.given_id for member in incident.members if member.role in {"report", "aftermath"})
    return AlertMessage(
        id=digest(watch, incident.id, step.step, step.number),
        incident=incident.id,
        watch=watch,
        step=step.step,
        level=facts.level if facts else step.told.level,
        headline=headline(step, incident, facts, names),
        created_at=cause.now,
        post=cause.post,
        posts=len(own),
        origins=tuple(origin.name for origin in facts.origins) if facts else (),
        quiet_days=incident.quiet.days,
        reasons=step.reasons,
    )


def headline(step: Step, incident: Incident, facts: Facts | None, names: Names) -> str:
    """Return the alert in a line: what, where, by whom, how sure, since when; TEST first where it is an exercise."""
    told = step.told
    where = told.place.name + (
        f", {names.countries[told.place.country]}" if told.place.country in names.countries else ""
    )
    actors = [names.actors.get(actor, actor) for actor in told.actors if actor != "unknown"]
    what = f"{_words(told.kind)} {_preposition(told.place)} {where}"
    line = what[0].upper() + what[1:] + (f" by {' and '.join(actors)}" if actors else "")
    if facts is not None and facts.killed is not None and facts.killed[1] > 0:
        line += f", {_range(facts.killed)} killed"
    if incident.quiet.days is not None:
        line += f", first in {incident.quiet.days} day{'s' * (incident.quiet.days > 1)}"
    opening = {"withdrawn": "WITHDRAWN: ", "corrected": "CORRECTED: "}.get(step.step, "")
    origins = len(facts.origins) if facts else 0
    how_sure = "" if step.step == "withdrawn" else f" ({told.level}, {origins} origin{'' if origins == 1 else 's'})"
    return ("TEST " if incident.exercise else "") + opening + line + how_sure


def _preposition(place: PlaceView) -> str:
    return "in" if place.radius_km >= 20 else "near"


def _range(toll: tuple[int, int]) -> str:
    return str(toll[0]) if toll[0] == toll[1] else f"{toll[0]} to {toll[1]}"


def _words(kind: str) -> str:
    return "explosion of unknown cause" if kind == "explosion_unspecified" else kind.replace("_", " ")
