"""Topic `alerts` as a destination: each alert as a record keyed by its incident, for other systems on the same log."""

from __future__ import annotations

from app.errors import Unavailable
from app.messages import encode
from app.notify.port import Delivered, Failed, Message, Outcome
from app.notify.port import Outgoing as OutgoingAlert
from app.streams.port import Outgoing, Stream
from app.streams.topics import ALERTS


class StreamNotifier:
    """Publishes `AlertMessage`; a reader drops doubles by the alert's id."""

    concurrency = 50
    gathers = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def send(self, message: Message) -> Outcome:
        if not isinstance(message, OutgoingAlert):
            return Delivered()  # the topic carries alerts alone
        try:
            await self._stream.publish(ALERTS.name, [Outgoing(message.alert.incident, encode(message.alert))])
        except Unavailable as error:
            return Failed(retry=True, reason=error.detail, retry_after=error.retry_after)
        return Delivered()
