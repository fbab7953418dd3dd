"""The stage on our own adapter, as `consumers/tag.py` works: read, tag, publish, wait for the acknowledgement, commit."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from app.clock import SystemClock
from app.streams.kafka_stream import open_kafka
from app.streams.port import Outgoing
from app.streams.topics import Topic
from benchmarks.peers.job import Meter, make_job
from tests.app.streams.kafka_bench import kafka_settings

BATCH = 200


async def main(bootstrap: str, source: str, sink: str, count: int) -> None:
    meter = Meter(make_job())
    topics = [Topic(name, "source", 1, timedelta(days=7)) for name in (source, sink)]
    async with (
        open_kafka(kafka_settings(bootstrap), SystemClock(), topics) as stream,
        stream.reader(source, f"watchdesk-{sink}") as reader,
    ):
        while meter.count < count:
            batch = await reader.read(BATCH)
            if not batch:
                await reader.wait(0.2)
                continue
            await stream.publish(sink, [Outgoing(r.key, meter.call(r.value)) for r in batch])
            await reader.commit({r.partition: r.offset + 1 for r in batch})
        meter.done("watchdesk")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
