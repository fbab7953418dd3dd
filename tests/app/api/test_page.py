from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.api.page import FOLDER
from app.db import keys
from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on
from tests.parts.chromium import open_page, program
from tests.rows import NOON, alert_row, incident_row, member_row, message, offset_row, place, post_row, store, view

needs_chromium = pytest.mark.skipif(program() is None, reason="no Chromium on this machine: `apt-get install chromium`")


async def fill(desk: Desk) -> None:
    async with desk.given.database.write() as writing:
        while await writing.change_no() < 10:
            pass
    shown = view(1, place=place(name="<b>جسر الشغور</b>"), origins=("Ward", "<i>Orontes</i>"), posts=("1", "2"))
    await store(
        desk.given.database,
        incident_row(1, shown),
        post_row("1", text="<script>document.title='owned'</script>", url="javascript:alert(1)"),
        post_row("2", text="قصف على أطراف المدينة", lang="ar", seen_at=NOON),
        member_row("i1", "1"),
        member_row("i1", "2"),
        alert_row(5, message(1, headline="<img src=x onerror=document.title='owned'> Air strike")),
    )


async def test_the_page_and_its_files_are_served(sqlite_desk: Desk) -> None:
    page = await sqlite_desk.get("/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in re.findall(r'(?:src|href)="(/[^"#?]+)"', page.body.decode()):
        assert (await sqlite_desk.get(path)).status == 200, path
    script = await sqlite_desk.get("/web/desk.js")
    assert "javascript" in script.headers["content-type"]
    assert (await sqlite_desk.get("/web/desk.js", {"If-None-Match": script.headers["etag"]})).status == 304


def test_no_file_of_the_page_loads_from_elsewhere_or_writes_markup() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'(?:src|import|from|url\()\s*=?\s*["\']?(?:https?:)?//', text), path
        assert not re.search(r'<link[^>]+href="http', text), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text), path
        assert not re.search(r"\son\w+=|style=", text) or path.suffix == ".js", path


@needs_chromium
@pytest.mark.chromium
async def test_the_page_shows_what_stands_and_what_comes(sqlite_desk: Desk, tmp_path: Path) -> None:
    await fill(sqlite_desk)
    async with open_page(tmp_path / "chromium") as page:
        await page.open(sqlite_desk.url)
        await page.wait_for("document.querySelectorAll('#alert-list article').length === 1")
        await page.wait_for("document.getElementById('link').dataset.state === 'live'")
        text = await page.evaluate("document.querySelector('#alert-list article').innerText")
        for part in (
            "○ reported",
            "first alert",
            "<img src=x",
            "<b>جسر الشغور</b>",
            "±3 km",
            "1 origin: Ward",
            "First in 22 days",
        ):
            assert part in text
        await page.evaluate("document.querySelector('#incident-list details.posts').open = true")
        await page.wait_for("document.querySelectorAll('blockquote').length === 2")
        posts = await page.evaluate("document.querySelector('#incident-list .slot').innerText")
        for part in ("posted 4 Sep 2018 12:00 UTC", "seen 4 Sep 2018 12:00 UTC", "javascript:alert(1)", "<script>"):
            assert part in posts
        assert await page.evaluate("document.querySelector('blockquote p[lang=ar]').matches(':dir(rtl)')")
        await store(sqlite_desk.given.database, alert_row(8, message(2, level="likely", step="promoted")))
        await page.wait_for("document.querySelectorAll('#alert-list article').length === 2")
        assert "◑ likely" in await page.evaluate("document.querySelector('#alert-list article').innerText")
        assert await page.evaluate("document.title") == "watchdesk"
        assert page.errors == []
        assert {url for url in page.requested if not url.startswith(sqlite_desk.url)} == set()


@needs_chromium
@pytest.mark.chromium
async def test_the_page_fits_a_phone_and_says_demo(sqlite_url: str, tmp_path: Path) -> None:
    async with open_database(sqlite_url, role="run") as database, desk_on(database, WATCHDESK_DEMO="yes") as desk:
        await fill(desk)
        await store(desk.given.database, offset_row(NOON))
        async with open_page(tmp_path / "chromium") as page:
            await page.size(390, 844)
            await page.open(desk.url)
            await page.wait_for("document.querySelectorAll('#alert-list article').length === 1")
            assert await page.evaluate("document.documentElement.scrollWidth") == 390
            assert "DEMO" in await page.evaluate("document.getElementById('demo').innerText")
            assert (await page.evaluate("document.title")).startswith("DEMO")
            await page.wait_for("!document.getElementById('stale').hidden")
            assert "played to its end" in await page.evaluate("document.getElementById('stale').innerText")


@needs_chromium
@pytest.mark.chromium
async def test_the_page_polls_where_a_stream_cannot_be_had(sqlite_desk: Desk, tmp_path: Path) -> None:
    await fill(sqlite_desk)
    sqlite_desk.app.state.tail.close()
    async with open_page(tmp_path / "chromium") as page:
        await page.open(sqlite_desk.url)
        await page.wait_for("document.getElementById('link').dataset.state === 'polling'")
        await store(sqlite_desk.given.database, alert_row(9, message(9)))
        await page.wait_for("document.querySelectorAll('#alert-list article').length === 2")


@needs_chromium
@pytest.mark.chromium
async def test_the_page_asks_for_a_key_and_uses_it(sqlite_url: str, tmp_path: Path) -> None:
    async with open_database(sqlite_url, role="run") as database, desk_on(database) as desk:
        await fill(desk)
        async with database.write() as writing:
            token = (await keys.create(writing, "page", ["read"], NOON)).token
        async with desk.given.database.read() as session:
            assert await keys.active(session, NOON)
        async with open_page(tmp_path / "chromium") as page:
            await page.open(desk.url)
            await page.wait_for("!document.getElementById('key').hidden")
            await page.evaluate(f"document.getElementById('secret').value = '{token}'")
            await page.evaluate("document.querySelector('#key button').click()")
            await page.wait_for("document.querySelectorAll('#alert-list article').length === 1")
            await page.wait_for("document.getElementById('link').dataset.state === 'live'")
            assert not any(token in url for url in page.requested)
