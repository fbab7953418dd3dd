from __future__ import annotations

import pytest

from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on


@pytest.mark.parametrize(
    "path", ["/", "/web/desk.js", "/v1/alerts", "/v1/alerts?limit=0", "/nothing", "/healthz", "/openapi.json"]
)
async def test_every_answer_forbids_what_we_do_not_need(sqlite_desk: Desk, path: str) -> None:
    headers = (await sqlite_desk.get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers
    assert "x-watchdesk-mode" not in headers


async def test_a_demo_says_so_on_every_answer(sqlite_url: str) -> None:
    async with open_database(sqlite_url, role="run") as database, desk_on(database, WATCHDESK_DEMO="yes") as desk:
        for path in ("/", "/v1/alerts", "/nothing", "/metrics", "/web/desk.js"):
            assert (await desk.get(path)).headers["x-watchdesk-mode"] == "DEMO"
        assert (await desk.get("/v1/alerts")).body["demo"] is True
        assert (await desk.get("/v1/incidents?format=geojson")).body["demo"] is True
        page = (await desk.get("/")).body.decode()
        assert "<title>DEMO" in page
        assert 'id="demo"' in page
        assert 'id="demo" hidden' not in page
