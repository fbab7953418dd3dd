from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from app.api.problems import shown
from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/alerts/", 404),
        ("GET", "/v1/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/web/../../pyproject.toml", 404),
        ("GET", "/web/%2e%2e/main.py", 404),
        ("GET", "/%00", 404),
        ("GET", "/" + "x" * 10_000, 404),
        ("POST", "/v1/alerts", 405),
        ("DELETE", "/v1/incidents/i1", 405),
        ("TRACE", "/v1/alerts", 405),
        ("PROPFIND", "/v1/alerts", 405),
        ("BREW", "/v1/alerts", 400),
        ("GET", "/v1/alerts?limit=0", 422),
        ("GET", "/v1/alerts?cursor=abc", 400),
    ],
)
async def test_every_error_is_a_problem(sqlite_desk: Desk, method: str, path: str, status: int) -> None:
    reply = await sqlite_desk.ask(method, path)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.body["status"] == status
    assert reply.body["type"] == f"urn:watchdesk:problem:{reply.body['code']}"
    assert reply.body["title"]
    assert reply.body["detail"]


async def test_a_parameter_that_is_not_known_is_refused_in_plain_words(sqlite_desk: Desk) -> None:
    reply = await sqlite_desk.get("/v1/alerts?after=1")
    assert (reply.status, reply.body["field"]) == (422, "after")
    assert reply.body["detail"] == "query/after: This is not known here; /openapi.json says what is."


async def test_a_405_names_what_is_allowed(sqlite_desk: Desk) -> None:
    reply = await sqlite_desk.ask("PUT", "/v1/alerts")
    assert reply.headers["allow"] == "GET"
    assert (await sqlite_desk.ask("PATCH", "/v1/watches/a")).headers["allow"] == "DELETE, GET, PUT"
    assert (await sqlite_desk.ask("GET", "/v1/incidents/a/actions")).headers["allow"] == "POST"


async def test_our_own_fault_is_500_without_its_details(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/empty.db", role="api") as database, desk_on(database) as desk:
        reply = await desk.get("/v1/alerts")  # no table was ever made
    assert (reply.status, reply.body["code"]) == (500, "internal")
    assert "sqlite" not in json.dumps(reply.body)
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_what_is_no_http_is_400_and_the_server_goes_on(sqlite_desk: Desk) -> None:
    host, _, port = sqlite_desk.url.removeprefix("http://").partition(":")
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 10_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        head = await asyncio.wait_for(reader.readline(), 10)
        assert head.startswith(b"HTTP/1.1 400")
        assert b"application/problem+json" in await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert (await sqlite_desk.get("/healthz")).status == 200


def test_what_callers_sent_is_shown_bounded_and_printable() -> None:
    assert shown("a\x1b[2Jb\u202ec") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"
    assert len(shown("x" * 10_000)) == 201


async def test_a_client_that_drips_its_headers_is_let_go(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.server.HEADERS_S", 0.3)
    host, _, port = sqlite_desk.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    async with sqlite_desk.events("/v1/alerts/stream") as events:
        await asyncio.sleep(0.5)  # longer than the deadline: it holds for headers, not for answers
        await events.next("id")
