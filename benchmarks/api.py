"""The API: what a poll costs while nothing changes, against a plain FastAPI route; and a thousand streams, some of them frozen.

.venv/bin/python -m benchmarks.api [--polls 3000] [--clients 1000] [--alerts 200]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import uvicorn
from fastapi import FastAPI

from app.api.server import serving
from app.db.migrate import upgrade
from app.db.session import Database, open_database
from app.main import create_app
from tests.app.api.desk import Given, settings_for
from tests.rows import alert_row, message

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FROZEN = 60
STORM = 500


async def serve(url: str) -> None:
    """The server of the benchmark, in a process of its own: the API, and beside it one plain route."""
    async with open_database(url, role="api") as database:
        plain = FastAPI()

        @plain.get("/plain")
        async def answer() -> dict[str, bool]:
            return {"ok": True}

        config = uvicorn.Config(plain, host="127.0.0.1", port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with serving(create_app(Given(settings_for(Path("/nonexistent")), database)), "127.0.0.1", 0) as running:
            print(f"{running.url} http://127.0.0.1:{port}", flush=True)
            await task


@asynccontextmanager
async def server_on(url: str) -> AsyncIterator[tuple[str, str, int]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.api", "--serve", url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    ours, plain = (await process.stdout.readline()).decode().split()
    try:
        yield ours, plain, process.pid
    finally:
        process.kill()
        await process.wait()


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 2**20


async def polls(ours: str, plain: str, pid: int, count: int) -> None:
    spent = {"a poll, 304": 0.0, "a plain route": 0.0}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{ours}/v1/alerts") as first:
            tag = first.headers["etag"]
        for _ in range(6):  # interleaved, so that both see the same machine
            for name, url, status in (
                ("a poll, 304", f"{ours}/v1/alerts", 304),
                ("a plain route", f"{plain}/plain", 200),
            ):
                before = cpu_of(pid)
                for _ in range(count // 6):
                    async with session.get(url, headers={"If-None-Match": tag}) as reply:
                        assert reply.status == status
                spent[name] += cpu_of(pid) - before
    for name, seconds in spent.items():
        print(f"{name}: {seconds / count * 1e6:.0f} us CPU of the server")
    print(f"ratio: {spent['a poll, 304'] / spent['a plain route']:.1f}")


class Client:
    """One stream over a bare socket: which alerts came, in order, and the last id."""

    def __init__(self, url: str) -> None:
        self.host, _, port = url.removeprefix("http://").partition(":")
        self.port = int(port)
        self.seen: list[int] = []
        self.last = ""
        self.writer: asyncio.StreamWriter | None = None

    async def open(self, *, frozen: bool = False) -> None:
        reader, self.writer = await asyncio.open_connection(self.host, self.port, limit=2**20 if not frozen else 1024)
        last = f"Last-Event-ID: {self.last}\r\n" if self.last else ""
        self.writer.write(f"GET /v1/alerts/stream HTTP/1.1\r\nHost: localhost\r\n{last}\r\n".encode())
        if not frozen:
            self.task = asyncio.create_task(self._read(reader))
            while not self.last:  # noqa: ASYNC110 - a thousand clients, one condition each
                await asyncio.sleep(0.02)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        event = ""
        while line := await reader.readline():
            if line.startswith(b"event: "):
                event = line[7:-1].decode()
            if line.startswith(b"id: "):
                self.last = line[4:-1].decode()
                if event == "alert":
                    self.seen.append(int(self.last.partition(".")[2]))
                event = ""

    async def close(self) -> None:
        self.task.cancel()
        if self.writer is not None:
            self.writer.transport.abort()


async def streams(database: Database, ours: str, pid: int, given: argparse.Namespace) -> None:
    empty = memory_of(pid)
    clients = [Client(ours) for _ in range(given.clients)]
    for begin in range(0, given.clients, 50):
        await asyncio.gather(
            *(one.open(frozen=number < FROZEN) for number, one in enumerate(clients[begin : begin + 50], begin))
        )
    live = clients[FROZEN:]
    before, began = cpu_of(pid), time.perf_counter()
    for seq in range(1, given.alerts + 1):
        await keep(database, seq)
        if seq == given.alerts // 2:
            storm = live[:STORM]
            await asyncio.gather(*(one.close() for one in storm))
            await asyncio.gather(*(one.open() for one in storm))
    while any(len(one.seen) < given.alerts for one in live) and time.perf_counter() - began < 120:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    wrong = sum(one.seen != list(range(1, given.alerts + 1)) for one in live)
    grown = memory_of(pid) - empty
    print(
        f"{given.clients} streams, {FROZEN} frozen, {STORM} reconnected at once: {wrong} with a skipped or repeated id; "
        f"{grown / given.clients:.3f} MiB a client; {(cpu_of(pid) - before) / (given.alerts * len(live)) * 1e6:.0f} us CPU a delivery; "
        f"{given.alerts} alerts in {seconds:.1f} s"
    )


async def keep(database: Database, seq: int) -> None:
    """Store one alert with the next number, as the desk does."""
    async with database.write() as writing:
        assert await writing.change_no() == seq
        writing.session.add(alert_row(seq, message(seq)))


async def main(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/watchdesk.db"
        await upgrade(url)
        async with server_on(url) as (ours, plain, pid):
            await polls(ours, plain, pid, given.polls)
            async with open_database(url, role="desk") as database:
                await streams(database, ours, pid, given)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=3000)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--alerts", type=int, default=200)
    parser.add_argument("--serve")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.serve) if arguments.serve else main(arguments))
