"""The watchdog's post: an exercise that goes through every stage once a period, so that silence of a stage is noticed."""

from __future__ import annotations

import msgspec

from app.domain.exercises import WATCHDOG_SOURCE, WATCHDOG_TEXT
from producers.intake import Intake, Received


class WatchdogProducer:
    """See `producers.port.Producer`. It has no source: nothing is covered and nothing is missed while it sleeps."""

    name = "watchdog"
    source_ids: frozenset[str] = frozenset()

    def __init__(self, period: float) -> None:
        self._period = period

    async def read(self, intake: Intake) -> None:
        while True:
            now = intake.clock.now()
            fields = {
                "id": f"inbox:watchdog-{now:%Y%m%dT%H%M%S.%f}",
                "platform": "inbox",
                "author": WATCHDOG_SOURCE.partition(":")[2],
                "created_at": now.isoformat(),
                "text": WATCHDOG_TEXT,
            }
            await intake.take([Received(WATCHDOG_SOURCE, fields, msgspec.json.encode(fields), exercise=True)])
            await intake.clock.sleep(self._period)
