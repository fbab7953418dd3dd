"""The stage as a FastStream application: a handler a message, or a handler a batch; published with acks=all, at least once."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from benchmarks.peers.job import Meter, make_job

BATCH = 200
BUFFER = 100  # records that its one buffer of 512 KB holds; more raise an error


async def main(bootstrap: str, source: str, sink: str, count: int, form: str) -> None:
    meter = Meter(make_job())
    finished = asyncio.Event()
    broker = KafkaBroker(bootstrap, acks="all", max_batch_size=512 * 1024, logger=None)

    async def undecoded(message: KafkaMessage) -> Any:
        return message.body  # the job reads bytes; without this every body is parsed as JSON first

    settings = {
        "group_id": f"faststream-{sink}",
        "auto_offset_reset": "earliest",
        "ack_policy": AckPolicy.ACK,
        "decoder": undecoded,
    }

    if form == "message":

        @broker.subscriber(source, **settings)  # type: ignore[untyped-decorator]
        async def handle(value: bytes, message: KafkaMessage) -> None:
            await broker.publish(meter.call(value), sink, key=message.raw_message.key)
            if meter.count >= count:
                finished.set()

    else:

        @broker.subscriber(source, batch=True, max_records=BATCH, **settings)  # type: ignore[untyped-decorator]
        async def handle_batch(values: list[bytes]) -> None:
            for start in range(0, len(values), BUFFER):
                await broker.publish_batch(*(meter.call(v) for v in values[start : start + BUFFER]), topic=sink)
            if meter.count >= count:
                finished.set()

    await broker.start()
    await finished.wait()
    meter.done(f"faststream, by {form}")
    await broker.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
