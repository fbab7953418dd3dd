"""Consume, tag, produce: our stage beside the same tag function under confluent-kafka, Quix Streams and FastStream, taking turns.

    python -m benchmarks.tag_stage [--posts 20000] [--rounds 3]

Each runs in a process of its own, the peers in environments of their own (`benchmarks/peers/*.lock`, made in `var/peers`), on one real
Apache Kafka. CPU is that of the whole process. Two jobs: the tag function itself, which shows posts a second; and one that passes the
bytes on, which shows what the stage costs by itself (the tagging is so much dearer that a difference would drown in its noise).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.peers.job import make_posts
from tests.parts import kafka_admin
from tests.parts.kafka_broker import KafkaBroker

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
# name of the script, of the environment (none: ours), arguments, share of the posts: one that takes 10 ms a post gets fewer
CONTENDERS: tuple[tuple[str, str | None, tuple[str, ...], float], ...] = (
    ("run_watchdesk", None, (), 1.0),
    ("run_confluent", None, (), 1.0),
    ("run_quixstreams", "quixstreams", (), 1.0),
    ("run_faststream", "faststream", ("batch",), 1.0),
    ("run_faststream", "faststream", ("message",), 0.1),
)


def environment(name: str) -> Path:
    """Return the Python of a peer's environment; make it from its lock when it is not there or made from another."""
    folder, lock = ROOT / "var" / "peers" / name, PEERS / f"{name}.lock"
    python, made = folder / "bin" / "python", folder / "made-from.lock"
    if not made.exists() or made.read_bytes() != lock.read_bytes():
        print(f"making {folder} from {lock.name}", file=sys.stderr, flush=True)
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        command = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--no-deps",
            "--python",
            str(python),
            "-r",
            str(lock),
        ]
        subprocess.run(command, check=True)
        made.write_bytes(lock.read_bytes())
    return python


def run(script: str, peer: str | None, arguments: list[str], job: str) -> dict[str, Any]:
    python = environment(peer) if peer else Path(sys.executable)
    command = [str(python), "-m", f"benchmarks.peers.{script}", *arguments]
    environ = {**os.environ, "BENCH_JOB": job, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300)
    line = next((line for line in done.stdout.splitlines() if line.startswith("{")), None)
    if line is None:
        raise RuntimeError(f"{script} measured nothing: {done.stderr[-2000:]}")
    figures: dict[str, Any] = json.loads(line)
    return figures


def compare(bootstrap: str, posts: int, rounds: int, job: str) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    records = [(key.encode(), value) for key, value in make_posts(posts)]
    source = f"in.{uuid4().hex[:8]}"
    kafka_admin.create_topic(bootstrap, source, 1)
    kafka_admin.produce_raw(bootstrap, source, records)
    size = statistics.mean(len(value) for _, value in records)
    for _ in range(rounds):
        for script, peer, extra, share in CONTENDERS:
            sink = f"out.{uuid4().hex[:8]}"
            kafka_admin.create_topic(bootstrap, sink, 1)
            figures = run(script, peer, [bootstrap, source, sink, str(round(posts * share)), *extra], job)
            found.setdefault(figures["name"], []).append(figures)
    print(
        f"job: {job}; {posts} posts of {size:.0f} bytes, one partition, one member, acks=all, {rounds} rounds, medians"
    )
    for name, rows in found.items():
        rate, cpu, alone = (statistics.median(row[field] for row in rows) for field in ("rate", "cpu_us", "job_us"))
        print(f"{name:<24}{rate:8.0f} posts/s {cpu:7.0f} us CPU a post (the job alone: {alone:.0f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    broker = KafkaBroker(warm=True, heap_mb=512)
    try:
        broker.start()
        compare(broker.bootstrap, given.posts, given.rounds, "pass")
        compare(broker.bootstrap, given.posts // 10, given.rounds, "tag")
    finally:
        broker.close()


if __name__ == "__main__":
    main()
