"""Whether the log answers, looked at beside the requests: a probe of `/readyz` gives up before a broker that is away does."""

from __future__ import annotations

from app.clock import Clock
from app.errors import WatchdeskError
from app.streams.port import Stream

LOOK_S = 5.0
PATIENCE_S = 5.0


class LogWatch:
    """Looks at the log every LOOK_S; `trouble` is what was wrong the last time, None while it answers."""

    def __init__(self, stream: Stream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self.trouble: str | None = None

    async def run(self) -> None:
        while True:
            try:
                async with self._clock.timeout(PATIENCE_S):
                    await self._stream.ping()
                self.trouble = None
            except TimeoutError:
                self.trouble = f"no answer within {PATIENCE_S:g} s"
            except WatchdeskError as error:
                self.trouble = error.detail[:200]
            await self._clock.sleep(LOOK_S)
