"""The whole path on the embedded log: posts a second from file to stored incident, and how long a live post takes to its alert.

.venv/bin/python -m benchmarks.whole_path [--posts 20000] [--rate 50] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from app.cli.process import open_process, prepare_database, replay_files, stage_work
from app.db.models import Alert, Incident, Post
from app.resources import Resources
from app.settings import load_settings
from producers.intake import Received, open_intake
from producers.replay import ReplayOptions
from producers.runner import open_producer_spool
from tests.end_to_end.lines import REPORTS, TOWNS, line, many


async def throughput(resources: Resources, folder: Path, posts: int) -> None:
    file = folder / "posts.jsonl"
    with file.open("wb") as out:
        for one in many(posts):
            out.write(msgspec.json.encode(one) + b"\n")
    began, cpu = time.perf_counter(), time.process_time()
    await replay_files(resources, [file], ReplayOptions())
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    async with resources.database.read() as session:
        stored = await session.scalar(select(func.count()).select_from(Post))
        incidents = await session.scalar(select(func.count()).select_from(Incident))
    print(
        f"file to stored incident: {posts} lines, {stored} posts, {incidents} incidents in {seconds:.1f} s:"
        f" {posts / seconds:.0f} posts/s, {used / posts * 1e6:.0f} us CPU a post"
    )


async def latency(resources: Resources, rate: float, seconds: float) -> None:
    spool_of = open_producer_spool(resources.stream, resources.settings.home, "bench", resources.clock)
    async with asyncio.TaskGroup() as group, spool_of as spool:
        stages = [group.create_task(one) for one in stage_work(resources)]
        intake = await open_intake("bench", spool, resources.clock)
        count = int(rate * seconds)
        begin = resources.clock.monotonic()
        for number in range(count):
            await resources.clock.sleep(max(0.0, begin + number / rate - resources.clock.monotonic()))
            text = REPORTS[number % 4].format(town=TOWNS[number % 7], n=number, k=number % 9)
            fields = line(f"live-{number}", text, author=f"live_{number}")
            fields["created_at"] = resources.clock.now().isoformat()
            await intake.take([Received("x:bench", fields, msgspec.json.encode(fields))])
        await resources.clock.sleep(2.0)
        for task in stages:
            task.cancel()
    async with resources.database.read() as session:
        rows = (
            await session.execute(select(Alert.stored_at, Alert.created_at).where(Alert.body.contains("live-")))
        ).all()
    taken = sorted((stored - seen).total_seconds() * 1000 for stored, seen in rows)
    if taken:
        p50, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))]
        print(f"receipt to stored alert at {rate:g} posts/s: {len(taken)} alerts, p50 {p50:.1f} ms, p99 {p99:.1f} ms")


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = {"WATCHDESK_HOME": str(folder / "home"), "WATCHDESK_CONFIG": "", "WATCHDESK_LOG_LEVEL": "error"}
        if os.environ.get("WATCHDESK_GAZETTEER"):
            given["WATCHDESK_GAZETTEER"] = os.environ["WATCHDESK_GAZETTEER"]
        settings = load_settings({name: value for name, value in given.items() if value})
        async with open_process(settings, command="benchmark", role="run", owns_home=True) as resources:
            await prepare_database(resources)
            _ = resources.tagger  # opening the place index is no part of the path
            await throughput(resources, folder, options.posts)
            await latency(resources, options.rate, options.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
