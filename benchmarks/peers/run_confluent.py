"""The stage on confluent-kafka by hand: batches, every acknowledgement awaited, then the commit."""

from __future__ import annotations

import sys

from confluent_kafka import Consumer, KafkaError, Message, Producer

from benchmarks.peers.job import Meter, make_job

BATCH = 200


def main(bootstrap: str, source: str, sink: str, count: int) -> None:
    meter = Meter(make_job())
    failed: list[KafkaError] = []

    def acknowledged(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "partitioner": "murmur2"})
    settings = {"group.id": f"confluent-{sink}", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({"bootstrap.servers": bootstrap, **settings})
    consumer.subscribe([source])
    while meter.count < count:
        batch = consumer.consume(BATCH, 0.2)
        for message in batch:
            producer.produce(sink, meter.call(message.value() or b""), message.key(), on_delivery=acknowledged)
        producer.flush()
        if failed:
            raise RuntimeError(str(failed[0]))
        if batch:
            consumer.commit(asynchronous=False)
    meter.done("confluent-kafka")
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
