from __future__ import annotations

import pytest

from app.db.models import LedgerCount, Spool
from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on
from tests.parts.postgres import PostgresServer
from tests.rows import NOON, offset_row, store


async def test_a_served_desk_is_alive_and_ready(desk: Desk) -> None:
    assert (await desk.get("/healthz")).body == {"status": "alive", "detail": None, "degraded": []}
    assert (await desk.get("/readyz")).body == {"status": "ready", "detail": None, "degraded": []}


async def test_what_does_not_work_is_listed_and_what_is_stored_is_answered(desk: Desk) -> None:
    await store(desk.given.database, offset_row(NOON))
    desk.given.health.say("stage desk", NOON, ok=False, detail="broker: kafka:9092: no answer")
    desk.app.state.log_watch.trouble = "kafka:9092: no answer"
    ready = await desk.get("/readyz")
    assert ready.status == 200
    assert ready.body["degraded"] == [
        "log: kafka:9092: no answer; new posts wait, what is stored is answered",
        "stage desk: broker: kafka:9092: no answer",
        "posts: none was stored since 2018-09-04T12:00:00Z: a stage is down, or every source is silent",
    ]
    assert (await desk.get("/v1/alerts")).status == 200


async def test_metrics_tell_the_ledger_from_the_database(desk: Desk) -> None:
    await store(
        desk.given.database,
        Spool(spool="a", head=5, empty_lines=0, said_at=NOON),
        LedgerCount(spool="a", outcome="stored", count=4),
        offset_row(NOON),
    )
    text = (await desk.get("/metrics")).body.decode()
    assert 'watchdesk_ledger_items{outcome="received"} 5.0' in text
    assert 'watchdesk_ledger_items{outcome="in_flight"} 1.0' in text
    assert "watchdesk_database_up 1.0" in text
    assert "watchdesk_last_stored_timestamp_seconds 1.5360624e+09" in text


async def test_requests_are_counted_by_route_and_never_by_path(sqlite_desk: Desk) -> None:
    for path in ("/v1/alerts/one", "/v1/alerts/two", "/v1/posts/a/b", "/no/such/path", "/v1/incidents"):
        await sqlite_desk.get(path)
    requests = "watchdesk_http_requests_total"
    assert sqlite_desk.value(requests, route="/v1/alerts/{alert_id}", status="4xx") == 2
    assert sqlite_desk.value(requests, route="/v1/posts/{post_id:path}", status="4xx") == 1
    assert sqlite_desk.value(requests, route="other", status="4xx") == 1
    assert sqlite_desk.value(requests, route="/v1/incidents", status="2xx") == 1
    assert "two" not in (await sqlite_desk.get("/metrics")).body.decode()


@pytest.mark.postgres
async def test_a_database_that_goes_away_is_503_and_comes_back(
    postgres_server: PostgresServer, migrated_name: str
) -> None:
    url = postgres_server.create_database("t_outage", migrated_name)
    async with open_database(url, role="api") as database, desk_on(database) as desk:
        assert (await desk.get("/readyz")).status == 200
        async with desk.events("/v1/alerts/stream") as events:
            await events.next("id")
            postgres_server.stop("immediate")
            try:
                assert (await events.next("state")).data["database"] == "down"
                for path in ("/v1/alerts", "/v1/incidents", "/v1/posts/x:1", "/v1/alerts/a1"):
                    reply = await desk.get(path)
                    assert (reply.status, reply.body["code"]) == (503, "unavailable")
                    assert int(reply.headers["retry-after"]) >= 1
                assert (await desk.get("/healthz")).status == 200
                assert (await desk.get("/readyz")).status == 503
                assert "watchdesk_database_up 0.0" in (await desk.get("/metrics")).body.decode()
            finally:
                postgres_server.start()
            assert (await events.next("state")).data["database"] == "up"
        assert (await desk.get("/v1/alerts")).status == 200
        assert (await desk.get("/readyz")).status == 200
    postgres_server.drop_database("t_outage")
