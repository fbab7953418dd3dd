"""bytes of a topic -> records: what cannot be decoded becomes a quarantined item that names its topic and offset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.domain.posts import quarantine
from app.errors import Reason
from app.messages import Ingest, Item, Record, decode
from app.streams.port import StreamRecord
from consumers.limit import GarbageLimit


def read_records(batch: Sequence[StreamRecord], limit: GarbageLimit) -> list[Record]:
    """Return a record for each that was read; raise DamagedError where the garbage is more than an accident."""
    records: list[Record] = []
    for one in batch:
        try:
            records.append(decode(one.value))
            garbage = False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            records.append(garbage_item(one, error))
            garbage = True
        limit.note(garbage=garbage, partition=one.partition, offset=one.offset)
    return records


def garbage_item(one: StreamRecord, error: Exception) -> Item:
    reason = Reason.BAD_VERSION if "schema version" in str(error) else Reason.BAD_RECORD
    where = f"{one.topic}/{one.partition} at offset {one.offset}"
    return Item(
        ingest=Ingest(f"{one.topic}/{one.partition}", one.offset),
        source=one.key or "unknown",
        seen_at=datetime.fromtimestamp(one.appended_at, UTC),
        quarantined=quarantine(one.value, reason, f"{where}: {error}"),
    )


def key_of(record: Record, one: StreamRecord) -> str:
    """Return the name of a record in the file of tries."""
    return str(record.ingest) if isinstance(record, Item) else f"{one.topic}/{one.partition}:{one.offset}"


def poison(item: Item, value: bytes, error: str) -> Item:
    """Return the item quarantined because deciding it failed three times."""
    return msgspec.structs.replace(
        item, post=None, tags=None, hits=(), quarantined=quarantine(value, Reason.POISON, error)
    )
