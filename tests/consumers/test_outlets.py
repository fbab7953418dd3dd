from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from app.db import outbox
from app.db.config import put_source
from app.db.models import Destination, LiveMessage, SourceStatus
from app.domain.config import SourceConfig
from app.domain.deliveries import TOPIC, delivery_id
from app.domain.exercises import NOWHERE
from app.notify.build import Builder, DestinationSpec
from app.notify.port import Outgoing
from app.notify.secrets import SecretBox
from app.streams.memory import MemoryStream
from consumers.outlets import Composer, Outlet, Outlets, spec_of
from tests.rows import NOON, incident_row, member_row, message, post_row, store, view
from tests.sending import Sending, sending

LATER = NOON + timedelta(minutes=9)


class _Reader:
    """A notifier that only says of itself that people read it."""

    concurrency = 1
    gathers = True

    async def send(self, message: object) -> Any:
        raise NotImplementedError(message)


def outlet(**options: Any) -> Outlet:
    return Outlet(DestinationSpec("a", "slack", options), _Reader())


def outlets() -> Outlets:
    clock = SystemClock()
    return Outlets(
        Builder(
            secret_of=dict[str, str]().get, box=SecretBox(None), outbound={}, clock=clock, stream=MemoryStream(clock)
        )
    )


def row(name: str, kind: str = "null", **change: Any) -> Destination:
    return Destination(**({"name": name, "type": kind, "body": "{}"} | change))


async def composed(desk: Sending, *ids: str, **options: Any) -> Outgoing:
    async with desk.database.read() as session:
        loaded = await outbox.load(session, [delivery_id("a", one) for one in ids])
        parts = [loaded[delivery_id("a", one)] for one in ids]
        made = await Composer(demo=False).compose(session, outlet(**options), parts, LATER)
    assert isinstance(made, Outgoing)
    return made


def test_a_notifier_is_built_once_and_again_when_its_configuration_changes() -> None:
    held = outlets()
    first, broken = held.update([row("a"), row("gone", retired_at=NOON)])
    assert set(first) == {TOPIC, NOWHERE, "a"}
    assert broken == {}
    assert held.update([row("a")])[0]["a"] is first["a"]
    assert held.update([row("a", body='{"options":{"digest_after":5}}')])[0]["a"] is not first["a"]


def test_a_destination_that_cannot_be_built_says_why_and_disturbs_no_other() -> None:
    held, broken = outlets().update([row("a"), row("b", "slack", body='{"url_env":"NOT_SET"}')])
    assert "a" in held
    assert "NOT_SET is not set" in broken["b"]


def test_a_row_is_read_with_its_names_of_variables_beside_its_options() -> None:
    spec = spec_of(row("a", "slack", body='{"url_env":"URL","options":{"mode":"reference"}}'))
    assert spec.options == {"url_env": "URL", "mode": "reference"}
    assert spec.digest_after == 20


async def test_a_message_holds_the_first_post_the_causing_one_and_how_many_sources_are_read(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        incident = view(1, posts=("1", "2"))
        await store(desk.database, incident_row(1), post_row("1"), post_row("2", deleted_at=LATER, text=""))
        await store(desk.database, member_row("i1", "1"), member_row("i1", "2"))
        async with desk.database.write() as writing:
            await put_source(writing, SourceConfig("x:ward"))
            await put_source(writing, SourceConfig("x:other", rights="reference"))
        await store(desk.database, SourceStatus(source="x:ward", state="live", said_at=NOON))
        await desk.raise_alerts([message(1, post="2")], ["a"], incidents={"i1": incident})
        made = await composed(desk, "a1")
    assert made.post is not None
    assert (made.post.text, made.post.author) == ("Jets over the town", "ward")
    assert made.cause is not None
    assert (made.cause.text, made.cause.deleted) == (None, True)
    assert made.sources is not None
    assert (made.sources.live, made.sources.total) == (1, 2)


async def test_a_source_whose_rights_allow_the_reference_alone_keeps_its_text(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await store(desk.database, incident_row(1), post_row("1"), member_row("i1", "1"))
        async with desk.database.write() as writing:
            await put_source(writing, SourceConfig("x:ward", rights="reference"))
        await desk.raise_alerts([message(1, post=None)], ["a"])
        made = await composed(desk, "a1")
    assert made.post is not None
    assert made.post.text is None


async def test_words_that_must_go_within_a_day_are_marked_so(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        await store(desk.database, incident_row(1), post_row("1"), member_row("i1", "1"))
        async with desk.database.write() as writing:
            await put_source(writing, SourceConfig("x:ward", rights="delete_24h"))
        await desk.raise_alerts([message(1, post=None)], ["a"])
        made = await composed(desk, "a1")
    assert made.post is not None
    assert (made.post.text, made.post.recalled) == ("Jets over the town", True)


async def test_alerts_that_go_together_know_what_was_told_before_and_where(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        steps = [message(1, id=name, step=name) for name in ("first", "updated", "promoted")]
        await desk.raise_alerts(steps, ["a"], incidents={"i1": view(1, killed=(1, 1))})
        async with desk.database.write() as writing:
            await outbox.settle(writing, [delivery_id("a", "first")], outbox.DELIVERED, "", LATER)
        live = LiveMessage(destination="a", incident_id="i1", reference="C1:1", level="reported", updated_at=LATER)
        await store(desk.database, live)
        made = await composed(desk, "updated", "promoted")
    assert made.previous is not None
    assert made.previous.killed == (1, 1)
    assert [alert.id for alert in made.also] == ["updated"]
    assert (made.alert.id, made.live) == ("promoted", "C1:1")
