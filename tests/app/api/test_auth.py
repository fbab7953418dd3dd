from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.api.auth import is_loopback, refuse_open
from app.api.limits import READS
from app.clock import SystemClock
from app.db import keys
from app.db.session import Database, open_database
from app.errors import SettingsError
from tests.app.api.desk import Desk, Given, desk_on, settings_for

BOOTSTRAP = "bootstrap-key-of-thirty-two-characters"


async def make(database: Database, scopes: Sequence[str], *, days: float | None = None) -> str:
    now = SystemClock().now()
    async with database.write() as writing:
        made = await keys.create(
            writing,
            "test",
            scopes,
            now - timedelta(days=9),
            expires_at=None if days is None else now + timedelta(days=days),
        )
    return made.token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def keyed(url: str, *scopes: str, **change: str) -> AsyncIterator[tuple[Desk, str]]:
    async with open_database(url, role="run") as database:
        token = await make(database, scopes)
        async with desk_on(database, None, **change) as desk:
            yield desk, token


async def test_a_desk_without_keys_serves_its_own_machine(sqlite_desk: Desk) -> None:
    assert (await sqlite_desk.get("/v1/alerts")).status == 200
    for host in ("evil.test", "desk.example:8000", "10.0.0.1"):
        reply = await sqlite_desk.get(
            "/v1/alerts", {"Host": host, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "localhost"}
        )
        assert (reply.status, reply.body["code"]) == (421, "misdirected")


async def test_as_soon_as_a_key_exists_one_is_needed(database_url: str) -> None:
    async with keyed(database_url, "read") as (desk, token):
        assert (await desk.get("/v1/alerts", bearer(token))).status == 200
        assert (await desk.get("/v1/alerts", bearer(token) | {"Host": "desk.example"})).status == 200
        assert (await desk.get("/healthz")).status == 200
        assert (await desk.get("/")).status == 200
        for path in ("/v1/alerts", "/v1/alerts/stream", "/v1/incidents", "/v1/posts/x:1", "/metrics"):
            assert (await desk.get(path)).status == 401


async def test_every_bad_key_gets_the_same_answer(sqlite_url: str) -> None:
    async with keyed(sqlite_url, "read") as (desk, token):
        database = desk.given.database
        expired = await make(database, ["read"], days=-1)
        revoked = await make(database, ["read"])
        async with database.write() as writing:
            await keys.revoke(writing, revoked.split("_")[1], SystemClock().now())
        wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
        answers = [
            await desk.get("/v1/alerts", headers)
            for headers in (
                {},
                bearer(""),
                bearer("nonsense"),
                bearer("wd_00000000_" + "x" * 43),
                bearer(wrong),
                bearer(expired),
                bearer(revoked),
                bearer("\u00fc\u00fc\u00fc"),
                {"Authorization": f"Basic {token}"},
                {"Authorization": token},
            )
        ]
        assert {(reply.status, str(reply.body)) for reply in answers} == {(401, str(answers[0].body))}
        assert answers[0].headers["www-authenticate"] == "Bearer"


async def test_a_key_in_the_address_is_refused_even_if_it_is_good(sqlite_url: str) -> None:
    async with keyed(sqlite_url, "read") as (desk, token):
        for name in ("key", "api_key", "access_token", "TOKEN"):
            reply = await desk.get(f"/v1/alerts?{name}={token}", bearer(token))
            assert (reply.status, reply.body["code"]) == (400, "key_in_query")
            assert token not in str(reply.body)


async def test_a_missing_scope_is_named(sqlite_url: str) -> None:
    async with keyed(sqlite_url, "ack") as (desk, token):
        reply = await desk.get("/v1/alerts", bearer(token))
        assert (reply.status, reply.body["code"], reply.body["scope"]) == (403, "missing_scope", "read")
    async with keyed(sqlite_url, "admin") as (desk, token):
        assert (await desk.get("/v1/alerts", bearer(token))).status == 200


async def test_a_revoked_key_stops_within_seconds(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.auth.RELOAD_S", 0.0)
    async with keyed(sqlite_url, "read") as (desk, token):
        await make(desk.given.database, ["read"])
        assert (await desk.get("/v1/alerts", bearer(token))).status == 200
        async with desk.given.database.write() as writing:
            await keys.revoke(writing, token.split("_")[1], SystemClock().now())
        assert (await desk.get("/v1/alerts", bearer(token))).status == 401


async def test_the_bootstrap_key_may_do_everything(sqlite_url: str) -> None:
    async with (
        open_database(sqlite_url, role="run") as database,
        desk_on(database, WATCHDESK_BOOTSTRAP_KEY=BOOTSTRAP) as desk,
    ):
        assert (await desk.get("/v1/alerts")).status == 401
        assert (await desk.get("/v1/alerts", bearer(BOOTSTRAP))).status == 200


async def test_the_last_use_of_a_key_is_written_when_we_stop(sqlite_url: str) -> None:
    async with keyed(sqlite_url, "read") as (desk, token):
        await desk.get("/v1/alerts", bearer(token))
    async with open_database(sqlite_url, role="cli") as database, database.read() as session:
        (row,) = await keys.known(session)
    assert row.last_used_at is not None


async def test_too_fast_a_caller_is_told_when_to_come_back(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.auth.READS", READS._replace(per_second=0.1, burst=3))
    async with keyed(sqlite_url, "read") as (desk, token):
        replies = [await desk.get("/v1/alerts", bearer(token)) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert int(replies[-1].headers["retry-after"]) >= 5
    assert replies[-1].headers["ratelimit"].startswith('"default";r=0;t=')


async def test_origins_beyond_the_allow_list_get_nothing(sqlite_url: str) -> None:
    origin = "https://newsroom.example"
    async with keyed(sqlite_url, "read", WATCHDESK_CORS_ORIGINS=origin) as (desk, token):
        ask = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        good = await desk.ask("OPTIONS", "/v1/alerts", headers={"Origin": origin, **ask})
        assert good.headers["access-control-allow-origin"] == origin
        read = await desk.get("/v1/alerts", bearer(token) | {"Origin": origin})
        assert read.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in read.headers
        for other in ("https://evil.test", "null", "https://newsroom.example.evil.test"):
            bad = await desk.get("/v1/alerts", bearer(token) | {"Origin": other})
            assert "access-control-allow-origin" not in bad.headers


async def test_a_server_open_to_others_refuses_to_start_without_a_key(sqlite_url: str, tmp_path: Path) -> None:
    async with open_database(sqlite_url, role="run") as database:
        outside = Given(settings_for(tmp_path, WATCHDESK_HOST="0.0.0.0"), database)
        with pytest.raises(SettingsError, match="watchdesk keys create"):
            await refuse_open(outside)
        await refuse_open(Given(settings_for(tmp_path), database))
        await refuse_open(
            Given(settings_for(tmp_path, WATCHDESK_HOST="0.0.0.0", WATCHDESK_BOOTSTRAP_KEY=BOOTSTRAP), database)
        )
        await make(database, ["admin"])
        await refuse_open(outside)


def test_only_this_machine_is_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST", "localhost."))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.test", "desk", ""))
