"""What every write has in common: a JSON body, an Idempotency-Key that makes a retry safe, and If-Match against lost updates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
from fastapi import Request, Response

from app.api.auth import Caller
from app.api.deps import Serving
from app.api.problems import Problem
from app.db import idempotency
from app.db.models import Idempotency
from app.db.session import WriteSession

KEY = re.compile("[!-~]{1,200}")


class Done(NamedTuple):
    """What a write answers: a status, a body for JSON (None: none), and the version that it made."""

    status: int
    body: Any = None
    version: int | None = None


Work = Callable[[WriteSession], Awaitable[Done]]


async def need_json(request: Request) -> None:
    """Refuse a body that is not plain JSON: a page of another origin cannot send that without being asked first."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem(415, "Send the body as `Content-Type: application/json`.")


async def write(request: Request, resources: Serving, caller: Caller, work: Work) -> Response:
    """Do `work` in one transaction, once per Idempotency-Key: a retry gets the first answer, another body under the same key 409."""
    key = request.headers.get("idempotency-key")
    if key is not None and KEY.fullmatch(key) is None:
        raise Problem(400, "Idempotency-Key: 1 to 200 printable ASCII characters.", code="bad_idempotency_key")
    now = resources.clock.now()
    digest = hashlib.sha256(await request.body()).hexdigest()
    kept_as = hashlib.sha256(f"{caller.id}\n{request.method}\n{request.url.path}\n{key}".encode()).hexdigest()
    async with resources.database.write() as writing:
        held = await idempotency.recall(writing, kept_as, now) if key is not None else None
        if held is not None:
            if held.request_sha256 != digest:
                raise Problem(409, "This Idempotency-Key was used with another body.", code="idempotency_mismatch")
            return _response(Done(held.status, msgspec.json.decode(held.body)), again=True)
        done = await work(writing)
        if key is not None:
            body = msgspec.json.encode(done.body).decode()
            answer = Idempotency(key=kept_as, request_sha256=digest, status=done.status, body=body, stored_at=now)
            await idempotency.keep(writing, answer)
    return _response(done)


def match_version(request: Request, version: int) -> None:
    """Compare If-Match with the version in force: 412 where it is another, 428 where none was sent."""
    given = request.headers.get("if-match")
    if given is None:
        raise Problem(428, "Send the ETag that you read as `If-Match`, so that no change of others is lost.")
    if given.strip() not in {"*", version_tag(version)}:
        raise Problem(412, f"It was changed meanwhile: the version in force is {version}.", version=version)


def version_tag(version: int) -> str:
    return f'"{version}"'


def _response(done: Done, *, again: bool = False) -> Response:
    headers = {"ETag": version_tag(done.version)} if done.version is not None else {}
    if again:
        headers["Idempotency-Replayed"] = "true"
    if done.body is None:
        return Response(status_code=done.status, headers=headers)
    return Response(msgspec.json.encode(done.body), done.status, headers=headers, media_type="application/json")
