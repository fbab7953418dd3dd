from __future__ import annotations

import csv
import io
from pathlib import Path

import feedparser
from lxml import etree

from app.db.session import open_database
from tests.app.api.desk import Desk, desk_on
from tests.rows import alert_row, incident_row, message, place, store, view

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("cap12.xsd")))
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


async def fill(desk: Desk) -> None:
    async with desk.given.database.write() as writing:
        while await writing.change_no() < 9:
            pass
    await store(
        desk.given.database,
        incident_row(1, view(1, place=place(name="=جسر الشغور"), killed=(2, 4))),
        alert_row(2, message(2, incident="i1", headline="<b>قصف</b> & smoke"), view(1)),
        alert_row(3, message(3, incident="i1", step="promoted", level="likely", watch="Idlib"), view(1)),
        alert_row(4, message(4, incident="i1", step="promoted", level="likely"), view(1)),
        alert_row(5, message(5, incident="i1", step="withdrawn"), view(1)),
        alert_row(6, message(6), exercise=True),
    )


async def test_the_atom_feed_is_read_by_a_feed_reader(desk: Desk) -> None:
    await fill(desk)
    reply = await desk.get("/feeds/alerts.atom")
    assert reply.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(reply.body)
    assert not feed.bozo
    assert [entry.id for entry in feed.entries] == [f"urn:watchdesk:alert:a{seq}" for seq in (5, 4, 3, 2)]
    assert feed.entries[-1].title == "[reported, first] <b>قصف</b> & smoke"
    assert feed.entries[-1].where["coordinates"] == (36.3213, 35.8146)
    assert feed.entries[-1].link.endswith("/#alert-a2")
    assert (await desk.get("/feeds/alerts.atom", {"If-None-Match": reply.headers["etag"]})).status == 304
    assert len(feedparser.parse((await desk.get("/feeds/alerts.atom?watch=Idlib")).body).entries) == 1


async def test_every_message_of_the_cap_feed_is_valid_and_refers_to_its_own_watch(desk: Desk) -> None:
    await fill(desk)
    root = etree.fromstring((await desk.get("/feeds/alerts.cap")).body)
    messages = root.findall(f".//{CAP}alert")
    for one in messages:
        SCHEMA.assertValid(etree.fromstring(etree.tostring(one)))
    told = {
        one.findtext(f"{CAP}identifier"): (one.findtext(f"{CAP}msgType"), one.findtext(f"{CAP}references"))
        for one in messages
    }
    first, second = "watchdesk,a2,2018-09-04T12:02:00+00:00", "watchdesk,a4,2018-09-04T12:04:00+00:00"
    assert told == {
        "a2": ("Alert", None),
        "a3": ("Alert", None),
        "a4": ("Update", first),
        "a5": ("Cancel", f"{first} {second}"),
    }


async def test_one_message_is_served_alone(sqlite_desk: Desk) -> None:
    await fill(sqlite_desk)
    reply = await sqlite_desk.get("/feeds/alerts/a5.cap")
    assert reply.headers["content-type"] == "application/cap+xml; charset=utf-8"
    SCHEMA.assertValid(etree.fromstring(reply.body))
    exercise = etree.fromstring((await sqlite_desk.get("/feeds/alerts/a6.cap")).body)
    assert exercise.findtext(f"{CAP}status") == "Exercise"
    assert (await sqlite_desk.get("/feeds/alerts/none.cap")).status == 404


async def test_tables_hold_everything_and_no_formula(desk: Desk) -> None:
    await fill(desk)
    for name, count in (("alerts", 4), ("incidents", 1)):
        reply = await desk.get(f"/feeds/{name}.csv")
        assert reply.headers["content-disposition"] == f'attachment; filename="watchdesk-{name}.csv"'
        rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig"), newline="")))
        assert len(rows) == count
        assert all(None not in row for row in rows)
        assert float(rows[0]["lat"]) == 35.8146
    assert rows[0]["place"] == "'=جسر الشغور"
    assert (rows[0]["killed_min"], rows[0]["killed_max"], rows[0]["wounded_min"]) == ("2", "4", "")


async def test_a_large_table_is_told_in_parts(sqlite_desk: Desk) -> None:
    await store(sqlite_desk.given.database, *(alert_row(seq) for seq in range(1, 1_203)))
    reply = await sqlite_desk.get("/feeds/alerts.csv")
    assert reply.body.count(b"\r\n") == 1_203


async def test_a_demo_says_so_in_every_feed(sqlite_url: str) -> None:
    async with open_database(sqlite_url, role="run") as database, desk_on(database, None, WATCHDESK_DEMO="yes") as desk:
        await fill(desk)
        assert b"DEMO" in (await desk.get("/feeds/alerts.atom")).body
        cap = etree.fromstring((await desk.get("/feeds/alerts.cap")).body)
        assert {one.text for one in cap.iter(f"{CAP}status")} == {"Exercise"}
        assert "DEMO-" in (await desk.get("/feeds/alerts.csv")).headers["content-disposition"]
