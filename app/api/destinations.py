"""/v1/destinations: where alerts go: to configure, to try, and to see what became of each alert."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayAdmin
from app.api.deps import Resources, Serving
from app.api.fields import Moment, YesNo
from app.api.openapi import answers, errors
from app.api.problems import Problem
from app.api.schemas import AttemptView, DeliveryList, DeliveryView, DestinationList, DestinationView, NewSecret, Queued
from app.api.writes import Done, match_version, need_json, version_tag, write
from app.closest import hint
from app.db import audit, destinations, outbox
from app.db.audit import Deed
from app.db.config import put_destination, retire
from app.db.destinations import KnownDestination
from app.db.session import WriteSession
from app.domain.config import DestinationConfig
from app.domain.config_file import wrong_value
from app.domain.config_keys import ANY_DESTINATION, DESTINATION_KEYS, DESTINATION_NEEDS
from app.notify.secrets import SecretBox, new_secret
from app.outbound.targets import check_url, policy_of

router = APIRouter(prefix="/v1/destinations", tags=["destinations"])

FILE_OWNS = "This destination is written in watchdesk.toml, which owns it: change it there and run `watchdesk migrate`."


class DestinationChange(BaseModel):
    """How to reach a destination. Secrets are named by variable (`*_env`), never sent; `options` are the keys of its type."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["slack", "webhook", "apprise", "stream", "null"]
    url_env: Annotated[str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)] = None
    token_env: Annotated[str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)] = None
    options: Annotated[dict[str, str | int | float | bool], Field(max_length=50)] = {}

    def config(self, name: str, allow: list[str]) -> DestinationConfig:
        """Return the destination; 422 where a key is unknown or missing, or its URL may not be called."""
        keys = {key.name: key.type for key in (*ANY_DESTINATION, *DESTINATION_KEYS[self.type])}
        for key, value in self.options.items():
            if key not in keys:
                raise Problem(
                    422, f"A {self.type} destination knows no option {key!r}{hint(key, keys)}.", field="options"
                )
            if wrong := wrong_value(value, keys[key]):
                raise Problem(422, f"Option {key!r}: {wrong}.", field="options")
        given = {**self.options, **self.model_dump(include={"url_env", "token_env"}, exclude_none=True)}
        needs = DESTINATION_NEEDS.get(self.type, ())
        if needs and not any(need in given for need in needs):
            raise Problem(422, f"A {self.type} destination needs {' or '.join(needs)}.", field="options")
        url = self.options.get("url")
        if url is not None:
            check_url(str(url), policy_of(allow, plain=bool(self.options.get("allow_http"))))
        return DestinationConfig(name, self.type, self.url_env, self.token_env, dict(self.options))


class NewDestination(DestinationChange):
    """A destination to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.DESTINATION_ASK]})

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f/:()]+$")]


class ReplayAsk(BaseModel):
    """What to send again: one delivery, or those raised `since` that never arrived; with `delivered` those that did too."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"since": "2018-09-04T00:00:00Z"}]})

    delivery: Annotated[str | None, Field(max_length=40)] = None
    since: Moment | None = None
    delivered: YesNo = False


class DeliveryQuery(BaseModel):
    """Which deliveries."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["pending", "delivered", "digested", "cancelled", "expired"] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50


@router.get(
    "",
    dependencies=READ,
    summary="The destinations in force",
    responses={200: answers(DestinationList, examples.DESTINATION_LIST), **errors(503)},
)
async def list_destinations(resources: Resources) -> Response:
    """Where alerts go, and how each fares. Secrets are never shown."""
    async with resources.database.read() as session:
        found = [one for one in await destinations.known(session) if one.destination.retired_at is None]
    now = resources.clock.now()
    return _json(DestinationList([_view(one, now) for one in found]))


@router.get(
    "/{name}",
    dependencies=READ,
    summary="One destination",
    responses={200: answers(DestinationView, examples.DESTINATION), **errors(404, 503)},
)
async def get_destination(resources: Resources, name: str) -> Response:
    """The ETag is its version: send it back as `If-Match` to change it."""
    async with resources.database.read() as session:
        found = _found(await destinations.get(session, name))
    return _json(_view(found, resources.clock.now()), headers={"ETag": version_tag(found.destination.version)})


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(need_json)],
    summary="Make a destination",
    responses={201: answers(DestinationView, examples.DESTINATION), **errors(409, 413, 415, 503)},
)
async def create_destination(
    request: Request, resources: Resources, caller: MayAdmin, given: NewDestination
) -> Response:
    """A URL inside your own network is refused unless [outbound] in watchdesk.toml allows it."""
    config = given.config(given.name, _allowed(resources))

    async def work(writing: WriteSession) -> Done:
        before = await destinations.get(writing.session, config.name)
        if before is not None and before.destination.retired_at is None:
            raise Problem(409, "There is a destination with this name.", code="exists")
        return await _put(writing, config, Deed(caller.name, "destination_created", config.name), resources, 201)

    return await write(request, resources, caller, work)


@router.put(
    "/{name}",
    dependencies=[Depends(need_json)],
    summary="Change a destination",
    responses={200: answers(DestinationView, examples.DESTINATION), **errors(404, 409, 412, 413, 415, 428, 503)},
)
async def change_destination(
    request: Request, resources: Resources, caller: MayAdmin, name: str, given: DestinationChange
) -> Response:
    """Needs `If-Match` with the ETag that you read. What waits for it goes the new way."""
    config = given.config(name, _allowed(resources))

    async def work(writing: WriteSession) -> Done:
        match_version(request, _ours(_found(await destinations.get(writing.session, name))).destination.version)
        return await _put(writing, config, Deed(caller.name, "destination_changed", name), resources, 200)

    return await write(request, resources, caller, work)


@router.delete("/{name}", status_code=204, summary="Retire a destination", responses=errors(404, 409, 412, 428, 503))
async def delete_destination(request: Request, resources: Resources, caller: MayAdmin, name: str) -> Response:
    """What still waits for it is cancelled, and says so."""

    async def work(writing: WriteSession) -> Done:
        found = _ours(_found(await destinations.get(writing.session, name)))
        match_version(request, found.destination.version)
        now = resources.clock.now()
        await retire(writing, found.destination, now)
        await outbox.cancel_all(writing, name, f"the destination was retired by {caller.name}", now)
        await audit.note(writing, Deed(caller.name, "destination_retired", name), now)
        return Done(204)

    return await write(request, resources, caller, work)


@router.get(
    "/{name}/deliveries",
    dependencies=READ,
    summary="What became of each alert",
    responses={200: answers(DeliveryList, examples.DELIVERY_LIST), **errors(404, 503)},
)
async def list_deliveries(resources: Resources, name: str, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """Newest first, each with every attempt."""
    async with resources.database.read() as session:
        _found(await destinations.get(session, name))
        rows = await outbox.listed(session, destination=name, state=query.state, limit=query.limit)
        tried = {row.id: await outbox.attempts(session, row.id) for row in rows}
    items = [
        DeliveryView(
            row.id, row.alert_id, row.incident_id, row.state, row.detail, row.created_at, row.next_at, row.ended_at,
            [AttemptView(one.number, one.at, one.outcome, one.detail, one.seconds) for one in tried[row.id]],
        )
        for row in rows
    ]  # fmt: skip
    return _json(DeliveryList(items))


@router.post(
    "/{name}/test",
    status_code=202,
    summary="Send a line that says TEST",
    responses={202: answers(Queued, examples.QUEUED), **errors(404, 409, 503)},
)
async def test_destination(request: Request, resources: Resources, caller: MayAdmin, name: str) -> Response:
    """It goes through the same outbox as an alert; its delivery shows what came of it."""

    async def work(writing: WriteSession) -> Done:
        _found(await destinations.get(writing.session, name))
        now = resources.clock.now()
        text = f"TEST from watchdesk, sent by {caller.name}: this destination works."
        ids = await outbox.enqueue_notice(writing.session, text, [name], now)
        await audit.note(writing, Deed(caller.name, "destination_tested", name), now)
        return Done(202, Queued(len(ids), ids))

    return await write(request, resources, caller, work)


@router.post(
    "/{name}/replay",
    status_code=202,
    dependencies=[Depends(need_json)],
    summary="Send deliveries again",
    responses={202: answers(Queued, examples.QUEUED), **errors(404, 409, 413, 415, 503)},
)
async def replay_deliveries(
    request: Request, resources: Resources, caller: MayAdmin, name: str, given: ReplayAsk
) -> Response:
    """Under their own ids, so that a receiver can drop what it has."""

    async def work(writing: WriteSession) -> Done:
        _found(await destinations.get(writing.session, name))
        now = resources.clock.now()
        count = await outbox.replay(
            writing, now, delivery=given.delivery, destination=name, since=given.since, delivered=given.delivered
        )
        await audit.note(writing, Deed(caller.name, "deliveries_replayed", name, body={"count": count}), now)
        return Done(202, Queued(count, []))

    return await write(request, resources, caller, work)


@router.post(
    "/{name}/enable", status_code=204, summary="Switch a destination on again", responses=errors(404, 409, 503)
)
async def enable_destination(request: Request, resources: Resources, caller: MayAdmin, name: str) -> Response:
    """One that was switched off after lasting failures is tried at once."""

    async def work(writing: WriteSession) -> Done:
        _found(await destinations.get(writing.session, name))
        now = resources.clock.now()
        if await destinations.enable(writing, name):
            await outbox.pull_forward(writing, name, now)
            await audit.note(writing, Deed(caller.name, "destination_enabled", name), now)
        return Done(204)

    return await write(request, resources, caller, work)


@router.post(
    "/{name}/secret", summary="Make a new signing secret", responses={200: answers(NewSecret), **errors(404, 409, 503)}
)
async def rotate_secret(resources: Resources, caller: MayAdmin, name: str) -> Response:
    """Shown this once. The one before signs along for a day, so that no delivery is refused meanwhile. A retry makes another one."""
    secret, now = new_secret(), resources.clock.now()
    async with resources.database.write() as writing:
        found = _found(await destinations.get(writing.session, name))
        if found.destination.type != "webhook" or "secret_env" in msgspec.json.decode(found.destination.body).get(
            "options", {}
        ):
            raise Problem(409, "Only webhooks without `secret_env` have a secret that we make.", code="no_secret")
        sealed = SecretBox(resources.settings.secret_key).seal(secret)
        await destinations.rotate_secret(writing, name, sealed, now)
        await audit.note(writing, Deed(caller.name, "secret_rotated", name), now)
    return _json(NewSecret(secret))


async def _put(writing: WriteSession, config: DestinationConfig, deed: Deed, resources: Serving, status: int) -> Done:
    await put_destination(writing, config)
    now = resources.clock.now()
    await audit.note(writing, deed, now)
    await writing.session.flush()
    found = _found(await destinations.get(writing.session, config.name))
    return Done(status, _view(found, now), found.destination.version)


def _allowed(resources: Serving) -> list[str]:
    section = resources.settings.config.section("outbound")
    return [*section.get("allow_hosts", ()), *section.get("allow_networks", ())]


def _found(known: KnownDestination | None) -> KnownDestination:
    if known is None or known.destination.retired_at is not None:
        raise Problem(404, "There is no destination with this name.")
    return known


def _ours(known: KnownDestination) -> KnownDestination:
    if known.destination.owned_by_file:
        raise Problem(409, FILE_OWNS, code="owned_by_file")
    return known


def _view(known: KnownDestination, now: datetime) -> DestinationView:
    row, state = known
    body: dict[str, Any] = msgspec.json.decode(row.body)
    return DestinationView(
        name=row.name,
        type=row.type,
        options=body.get("options", {}),
        url_env=body.get("url_env"),
        token_env=body.get("token_env"),
        owned_by_file=row.owned_by_file,
        version=row.version,
        state=_state(known, now),
        detail=state.detail if state else "",
        last_success_at=state.last_success_at if state else None,
        failing_since=state.failing_since if state else None,
        paused_until=state.paused_until if state else None,
    )


def _state(known: KnownDestination, now: datetime) -> str:
    state = known.state
    if state is None:
        return "good"
    if state.disabled_at is not None:
        return "disabled"
    if state.paused_until is not None and state.paused_until > now:
        return "paused"
    if destinations.cannot_be_used(state):
        return "unusable"
    return "failing" if state.failing_since is not None else "good"


def _json(value: object, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers=headers)
