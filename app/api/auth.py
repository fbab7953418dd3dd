"""Who calls, and what he may: a key in the Authorization header, or nobody on a desk of this machine that never made a key."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from datetime import datetime
from hmac import compare_digest
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, Request

from app.api.deps import Serving
from app.api.edge import host_of
from app.api.limits import READS, REFUSALS, WRITES, Buckets
from app.api.problems import Problem
from app.db import keys
from app.db.keys import SCOPES, hashed, parse_token
from app.errors import SettingsError, Unavailable

RELOAD_S = 5.0  # how long a key that another process revoked may still work here
IN_QUERY = frozenset({"key", "api_key", "apikey", "api-key", "token", "access_token", "auth", "authorization"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Caller(NamedTuple):
    """Who calls. `id` is the key's, `name` goes into the audit; `local`: nobody in particular, on this machine."""

    id: str
    name: str
    scopes: frozenset[str]
    local: bool = False

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


LOCAL = Caller("local", "local", frozenset(SCOPES), local=True)
BOOTSTRAP = "bootstrap"


class _Known(NamedTuple):
    sha256: str
    caller: Caller
    expires_at: datetime | None


class Gate:
    """Tells callers apart. Keys are read from the database at most every 5 s, so a poll costs no query for its key."""

    def __init__(self, resources: Serving) -> None:
        self._resources = resources
        self._keys: dict[str, _Known] | None = None
        self._loaded_at = 0.0
        self._reads, self._writes, self._refusals = Buckets(READS), Buckets(WRITES), Buckets(REFUSALS)
        self._used: dict[str, datetime] = {}

    async def caller(self, request: Request) -> Caller:
        """Return who calls; 401 where he needs a key that is good, the same whatever was wrong with his."""
        if IN_QUERY & {name.lower() for name in request.query_params}:
            raise Problem(
                400,
                "Send the key in the header `Authorization: Bearer ...`, never in the address.",
                code="key_in_query",
            )
        given = request.headers.get("authorization")
        found = await self._by_token(given) if given is not None else await self._nobody(request)
        if found is None:
            self._slow_down(self._refusals, request.client.host if request.client else "?")
            raise Problem(
                401, "Send a good API key as `Authorization: Bearer ...`.", headers={"WWW-Authenticate": "Bearer"}
            )
        if not found.local:
            self._slow_down(self._reads if request.method in SAFE else self._writes, found.id)
        return found

    async def note_use(self) -> None:
        """Write when keys were last used; a database that is away keeps it for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._resources.database.write() as writing:
                await keys.note_use(writing, used)
        except Unavailable:
            self._used = {**used, **self._used}

    async def _by_token(self, header: str) -> Caller | None:
        scheme, _, token = header.partition(" ")
        bootstrap = self._resources.settings.bootstrap_key
        if bootstrap and compare_digest(hashed(token.strip()), hashed(bootstrap)) and scheme.lower() == "bearer":
            return Caller(BOOTSTRAP, BOOTSTRAP, frozenset(SCOPES))
        key_id, secret = parse_token(token.strip()) or ("", "")
        held = (await self._load()).get(key_id)
        # An unknown id is compared too, so that it takes as long as a known one.
        same = compare_digest(hashed(secret), held.sha256 if held else hashed(""))
        now = self._resources.clock.now()
        if (
            held is None
            or not same
            or scheme.lower() != "bearer"
            or (held.expires_at is not None and held.expires_at <= now)
        ):
            return None
        self._used[held.caller.id] = now
        return held.caller

    async def _nobody(self, request: Request) -> Caller | None:
        settings = self._resources.settings
        if settings.bootstrap_key or not is_loopback(settings.host) or await self._load():
            return None
        if not is_loopback(host_of(request.scope)):
            # A page elsewhere whose name was pointed at this machine must not read the desk.
            raise Problem(
                421, "Without a key this desk answers to localhost only; make one with `watchdesk keys create`."
            )
        if request.method not in SAFE and not self._own_page(request):
            raise Problem(403, "Without a key nothing is written for a page of another origin.", code="foreign_origin")
        return LOCAL

    def _own_page(self, request: Request) -> bool:
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        return urlsplit(origin).netloc == request.headers.get("host") or origin in self._resources.settings.cors_origins

    async def _load(self) -> dict[str, _Known]:
        now = self._resources.clock.monotonic()
        if self._keys is None or now - self._loaded_at >= RELOAD_S:
            async with self._resources.database.read() as session:
                rows = await keys.active(session, self._resources.clock.now())
            self._keys = {
                row.id: _Known(row.secret_sha256, Caller(row.id, row.name, frozenset(row.scopes)), row.expires_at)
                for row in rows
            }
            self._loaded_at = now
        return self._keys

    def _slow_down(self, buckets: Buckets, who: str) -> None:
        wait = buckets.take(who, self._resources.clock.monotonic())
        if wait is not None:
            policy = f'"default";q={buckets.rate.burst};w={round(buckets.rate.burst / buckets.rate.per_second)}'
            headers = {"Retry-After": str(wait), "RateLimit-Policy": policy, "RateLimit": f'"default";r=0;t={wait}'}
            raise Problem(429, f"Too many requests; try again in {wait} s.", headers=headers)


def allowed(scope: str) -> Callable[[Request], Awaitable[Caller]]:
    """Return the dependency that lets callers with `scope` in and says who they are."""

    async def check(request: Request) -> Caller:
        gate: Gate = request.app.state.gate
        caller = await gate.caller(request)
        if not caller.may(scope):
            raise Problem(403, f"This key has no scope `{scope}`.", code="missing_scope", scope=scope)
        return caller

    return check


READ = [Depends(allowed("read"))]
MayRead = Annotated[Caller, Depends(allowed("read"))]
MayAck = Annotated[Caller, Depends(allowed("ack"))]
MayRule = Annotated[Caller, Depends(allowed("rules"))]
MayAdmin = Annotated[Caller, Depends(allowed("admin"))]


async def refuse_open(resources: Serving) -> None:
    """Raise SettingsError where the API would be reachable from outside and no key was ever made."""
    settings = resources.settings
    if is_loopback(settings.host) or settings.bootstrap_key:
        return
    try:
        async with resources.database.read() as session:
            good = await keys.active(session, resources.clock.now())
    except Unavailable:
        return  # it cannot be used without a key in any case: the gate lets nobody in beyond loopback
    if not good:
        raise SettingsError(
            f"WATCHDESK_HOST={settings.host} is reachable from outside and there is no API key: "
            "make one with `watchdesk keys create NAME --scope admin`, or set WATCHDESK_BOOTSTRAP_KEY"
        )


def is_loopback(host: str) -> bool:
    """Return whether a host name means this machine only."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
