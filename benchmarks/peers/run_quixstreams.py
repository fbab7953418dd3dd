"""The stage as a Quix Streams application: topic to function to topic, at least once."""

from __future__ import annotations

import sys

from quixstreams import Application

from benchmarks.peers.job import Meter, make_job


def main(bootstrap: str, source: str, sink: str, count: int) -> None:
    meter = Meter(make_job())
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{sink}",
        auto_offset_reset="earliest",
        processing_guarantee="at-least-once",
        producer_extra_config={"acks": "all"},
        loglevel="WARNING",
    )
    incoming = app.topic(source, key_deserializer="bytes", value_deserializer="bytes")
    outgoing = app.topic(sink, key_serializer="bytes", value_serializer="bytes")
    app.dataframe(incoming).apply(meter.call).to_topic(outgoing)
    app.run(count=count)
    meter.done("quixstreams")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
