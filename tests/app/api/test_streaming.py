from __future__ import annotations

import asyncio

import pytest

from app.db import keys
from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on
from tests.rows import NOON, alert_row, message, store


async def wait_for(desk: Desk, name: str, value: float, **labels: str) -> None:
    async with asyncio.timeout(20):
        while desk.value(name, **labels) != value:
            await asyncio.sleep(0.02)


async def test_a_client_that_reads_nothing_is_cut_off_and_holds_nobody_up(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.api.streaming.WRITE_S", 1.0)
    host, _, port = sqlite_desk.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(b"GET /v1/alerts/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readline()
    async with sqlite_desk.events("/v1/alerts/stream?watch=live") as events:
        await events.next("id")
        await wait_for(sqlite_desk, "watchdesk_sse_clients", 2)
        # More than the buffers of both sides hold: 8 MB.
        for begin in range(1, 401, 100):
            async with sqlite_desk.given.database.write() as writing:
                while await writing.change_no() < begin + 99:
                    pass
            big = (alert_row(seq, message(seq, headline="x" * 20_000)) for seq in range(begin, begin + 100))
            await store(sqlite_desk.given.database, *big)
        async with sqlite_desk.given.database.write() as writing:
            seq = await writing.change_no()
            writing.session.add(alert_row(seq, message(seq, watch="live")))
        assert (await events.next("alert")).data["watch"] == "live"
        await wait_for(sqlite_desk, "watchdesk_sse_dropped_total", 1, cause="frozen")
        await wait_for(sqlite_desk, "watchdesk_sse_clients", 1)
    writer.close()


async def test_a_client_that_leaves_is_forgotten(sqlite_desk: Desk) -> None:
    async with sqlite_desk.events("/v1/alerts/stream") as events:
        await events.next("id")
        assert sqlite_desk.app.state.tail.clients == 1
    await wait_for(sqlite_desk, "watchdesk_sse_clients", 0)
    assert sqlite_desk.app.state.tail.clients == 0


async def test_streams_end_when_the_server_stops(sqlite_desk: Desk) -> None:
    async with sqlite_desk.events("/v1/alerts/stream") as events:
        await events.next("id")
        sqlite_desk.app.state.tail.close()
        with pytest.raises(EOFError):
            await events.next("alert")


async def test_no_more_streams_are_opened_than_we_can_serve(sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.alerts.MAX_CLIENTS", 1)
    async with sqlite_desk.events("/v1/alerts/stream") as events:
        await events.next("id")
        reply = await sqlite_desk.get("/v1/alerts/stream")
        assert (reply.status, reply.headers["retry-after"]) == (429, "30")


async def test_one_key_opens_a_bounded_number_of_streams(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.alerts.MAX_PER_KEY", 1)
    async with open_database(sqlite_url, role="run") as database:
        async with database.write() as writing:
            tokens = [(await keys.create(writing, name, ["read"], NOON)).token for name in ("one", "two")]
        async with desk_on(database) as desk:
            one, two = ({"Authorization": f"Bearer {token}"} for token in tokens)
            async with desk.events("/v1/alerts/stream", one) as first, desk.events("/v1/alerts/stream", two) as second:
                await first.next("id")
                await second.next("id")
                assert (await desk.get("/v1/alerts/stream", one)).status == 429
            await wait_for(desk, "watchdesk_sse_clients", 0)
            async with desk.events("/v1/alerts/stream", one) as again:
                await again.next("id")
