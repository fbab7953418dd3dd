"""Is this the log that we left? Asked each time the desk takes over, for a log can be lost, exchanged or outlived by its database."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

from app.db.offsets import OffsetRow
from app.messages import Item
from app.streams.port import Reader, StreamRecord
from consumers.limit import GarbageLimit
from consumers.records import read_records


class LeftLog(StrEnum):
    """SAME: go on. OTHER: another log, read it from its start. AHEAD: the database was restored, cursors begin a new epoch."""

    SAME = "same"
    OTHER = "other"
    AHEAD = "ahead"


def mark_of(one: StreamRecord) -> str:
    """Return what tells this record from the one at the same offset of another log: its ingest id, else what it says."""
    (record,) = read_records([one], GarbageLimit(one.topic))
    return str(record.ingest) if isinstance(record, Item) else f"#{sha256(one.value).hexdigest()}"


async def examine(reader: Reader, held: OffsetRow) -> LeftLog:
    """Compare the record before our offset with the mark we wrote beside it, and the offset with what the stream says was committed."""
    bounds = await reader.bounds(held.partition)
    if held.next > bounds.end:
        return LeftLog.OTHER
    if held.next > bounds.oldest and held.last_mark is not None:
        before = await reader.peek(held.partition, held.next - 1)
        if before is not None and mark_of(before) != held.last_mark:
            return LeftLog.OTHER
    committed = (await reader.committed()).get(held.partition, 0)
    return LeftLog.AHEAD if committed > held.next else LeftLog.SAME
