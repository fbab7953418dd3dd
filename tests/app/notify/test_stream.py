from __future__ import annotations

import msgspec

from app.clock import SystemClock
from app.errors import Unavailable
from app.messages import AlertMessage
from app.notify.port import Delivered, Failed, Notice
from app.notify.stream import StreamNotifier
from app.streams.memory import MemoryStream
from app.streams.topics import ALERTS
from tests.outgoing import outgoing
from tests.rows import NOON


async def test_an_alert_is_a_record_keyed_by_its_incident() -> None:
    stream = MemoryStream(SystemClock())
    assert await StreamNotifier(stream).send(outgoing()) == Delivered()
    assert await StreamNotifier(stream).send(Notice("n", "it works", NOON)) == Delivered()
    async with stream.reader(ALERTS.name, "test") as reader:
        (record,) = await reader.read(10)
    assert record.key == "i1"
    assert msgspec.json.decode(record.value, type=AlertMessage) == outgoing().alert


class _Away(MemoryStream):
    async def publish(self, topic: str, records: object) -> None:
        del topic, records
        raise Unavailable("broker", "no answer")


async def test_a_log_that_is_away_is_tried_again_later() -> None:
    outcome = await StreamNotifier(_Away(SystemClock())).send(outgoing())
    assert outcome == Failed(retry=True, reason="no answer", retry_after=5.0)
