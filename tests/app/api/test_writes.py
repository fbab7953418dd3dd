from __future__ import annotations

import gzip
import io
from collections.abc import AsyncIterator

from tests.app.api.desk import Desk

PATH = "/v1/watches"
JSON = {"Content-Type": "application/json"}


async def test_a_body_that_is_no_json_is_refused_for_what_it_is(sqlite_desk: Desk) -> None:
    for body, headers, status, code in (
        (b"{", JSON, 400, "bad_json"),
        (b"\xff\xfe", JSON, 400, "bad_json"),
        (b"[]", JSON, 422, "invalid"),
        (b"null", JSON, 422, "invalid"),
        (b"", JSON, 422, "invalid"),
        (b'{"name":"a","rule":"strike"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (
            b'{"name":"a","rule":"strike"}',
            {"Content-Type": "application/x-www-form-urlencoded"},
            415,
            "unsupported_media_type",
        ),
        (gzip.compress(b"0" * 10_000), JSON | {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b"[" * 100_000, JSON, 400, "bad_json"),
        (b'{"name":"a","rule":"' + b"x" * 2_000_000 + b'"}', JSON, 413, "too_large"),
    ):
        reply = await sqlite_desk.ask("POST", PATH, data=io.BytesIO(body), headers=headers)
        assert (reply.status, reply.body["code"]) == (status, code), body[:40]
        assert reply.headers["content-type"] == "application/problem+json"


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(sqlite_desk: Desk) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    reply = await sqlite_desk.ask("POST", PATH, data=endless(), headers=JSON)
    assert (reply.status, reply.body["code"]) == (413, "too_large")


async def test_a_page_of_another_origin_writes_nothing_without_a_key(sqlite_desk: Desk) -> None:
    body = {"name": "a", "rule": "strike"}
    for headers in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = await sqlite_desk.ask("POST", PATH, json=body, headers=headers)
        assert (reply.status, reply.body["code"]) == (403, "foreign_origin")
    own = await sqlite_desk.ask("POST", PATH, json=body, headers={"Origin": sqlite_desk.url})
    assert own.status == 201
