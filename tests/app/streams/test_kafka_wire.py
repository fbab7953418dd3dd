"""What is shortened of aiokafka, compared with aiokafka's own."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.produce import ProduceRequest_v7
from aiokafka.protocol.struct import Struct
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app.streams.kafka_wire import Records, encode


@pytest.mark.parametrize("topics", [[], [("a", [])], [("a", [(0, b"x" * 9), (5, bytearray(b"y"))]), ("ü", [(1, b"")])]])
def test_a_produce_request_is_encoded_as_the_library_does(topics: list[tuple[str, list[tuple[int, bytes]]]]) -> None:
    request = ProduceRequest_v7(None, -1, 8000, topics)
    message = b"header" + encode(request)
    assert len(message) == len(b"header" + Struct.encode(request))
    assert b"size" + message == b"sizeheader" + Struct.encode(request)


def unpack(kind: Any, data: bytes, first: int = 0) -> tuple[list[tuple[Any, ...]], int]:
    """Return what a reader of aiokafka's makes of the batches from an offset: (partition, offset, key, value, ms), and where it would go on."""
    reader = kind(TopicPartition("t", 3), MemoryRecords(data), [], first, None, None, True, READ_UNCOMMITTED)
    made = []
    for record in reader:
        at = getattr(record, "timestamp", None) or round(record.appended_at * 1000)
        key = record.key.encode() if isinstance(record.key, str) else record.key or b""
        made.append((record.partition, record.offset, key, record.value or b"", at))
    return made, reader.next_fetch_offset


def batch_of(base: int, pairs: list[tuple[bytes | None, bytes | None]], compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 20)
    for number, (key, value) in enumerate(pairs):
        builder.append(number, 1_700_000_000_000 + number, key, value, [])
    built = builder.build()
    built[:8] = base.to_bytes(8, "big")  # as a broker does on append; the checksum leaves it out
    return bytes(built)


@pytest.mark.parametrize("first", [0, 1, 4, 6, 7])
def test_records_come_as_the_library_unpacks_them(first: int) -> None:
    pairs = [(b"a", b"1"), (None, b"2"), ("ü".encode(), None), (b"", b"4" * 3000)]
    data = (batch_of(0, pairs) if first < 4 else b"") + batch_of(4, pairs, compression=4)
    made, onward = unpack(Records, data, first)
    assert [record[1] for record in made] == list(range(first, 8))
    (theirs,) = Records.__bases__
    assert (made, onward) == unpack(theirs, data, first)


def test_a_batch_with_a_wrong_checksum_is_never_read() -> None:
    damaged = bytearray(batch_of(0, [(b"a", b"four killed")]))
    damaged[-3] ^= 1
    with pytest.raises(CorruptRecordException, match="t-3"):
        unpack(Records, bytes(damaged))
