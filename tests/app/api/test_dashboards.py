"""The two example dashboards of the documents, in a real browser, from another origin and with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from app.db import keys
from app.db.session import open_database
from tests.app.api.desk import desk_on
from tests.parts.child import free_port
from tests.parts.chromium import open_page, program
from tests.rows import NOON, alert_row, message, store

FOLDER = Path(__file__).parents[3] / "docs" / "dashboards"
needs_chromium = pytest.mark.skipif(program() is None, reason="no Chromium on this machine: `apt-get install chromium`")


@asynccontextmanager
async def served(port: int) -> AsyncIterator[str]:
    site = web.Application()
    site.router.add_static("/", FOLDER)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


@needs_chromium
@pytest.mark.chromium
@pytest.mark.parametrize("name", ["poll", "stream"])
async def test_a_dashboard_of_another_origin_shows_alerts_with_a_key(
    sqlite_url: str, tmp_path: Path, name: str
) -> None:
    port = free_port()
    async with (
        served(port) as origin,
        open_database(sqlite_url, role="run") as database,
        desk_on(database, None, WATCHDESK_CORS_ORIGINS=origin) as desk,
        open_page(tmp_path / "chromium") as page,
    ):
        async with database.write() as writing:
            token = (await keys.create(writing, "dashboard", ["read"], NOON)).token
            while await writing.change_no() < 9:
                pass
        await page.open(f"{origin}/{name}.html?desk={desk.url}")
        await page.wait_for("document.getElementById('state').textContent.includes('good API key')")
        await page.evaluate(f"document.getElementById('key').value = '{token}'")
        await page.wait_for("document.getElementById('state').textContent === 'up to date'")
        await store(database, alert_row(1, message(1, headline="<b>قصف</b>")))
        await page.wait_for("document.querySelectorAll('li').length === 1")
        assert "[reported, first] <b>قصف</b> (Ward)" in await page.evaluate("document.querySelector('li').innerText")
        await store(database, alert_row(2))
        await page.wait_for("document.querySelectorAll('li').length === 2")
