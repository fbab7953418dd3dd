"""A member of a group in a process of its own, to be frozen and killed: prints a JSON line for each change and each batch."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from typing import Any

from app.clock import SystemClock
from app.streams.kafka import Connection
from app.streams.kafka_stream import KafkaReader
from tests.app.streams.kafka_bench import kafka_settings


class Member:
    """The process, and what it has said so far."""

    def __init__(self, bootstrap: str, topic: str, group: str) -> None:
        command = [sys.executable, "-m", "tests.app.streams.member", bootstrap, topic, group]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    @property
    def assignment(self) -> list[int]:
        return next((line["assignment"] for line in reversed(self.lines) if "assignment" in line), [])

    @property
    def generation(self) -> int:
        return next((line["generation"] for line in reversed(self.lines) if "generation" in line), 0)

    def read(self) -> set[tuple[int, int]]:
        return {(p, offset) for line in list(self.lines) for p, offset in line.get("read", [])}

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _collect(self) -> None:
        for line in self.process.stdout or ():
            self.lines.append(json.loads(line))


async def main(bootstrap: str, topic: str, group: str) -> None:
    kafka = kafka_settings(bootstrap).kafka
    assert kafka is not None
    reader = KafkaReader(Connection(kafka, SystemClock()), topic, group)
    await reader.join()
    generation = -1
    while True:
        records = await reader.read(100)
        if reader.generation != generation:
            generation = reader.generation
            print(json.dumps({"generation": generation, "assignment": sorted(reader.assignment)}), flush=True)
        if records:
            print(json.dumps({"read": [(r.partition, r.offset) for r in records]}), flush=True)
            await reader.commit({r.partition: r.offset + 1 for r in records})
        await reader.wait(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
