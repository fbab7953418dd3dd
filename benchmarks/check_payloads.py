"""Reads real payloads of X and Jetstream with the producers' own code and says what became of each.

Usage: python -m benchmarks.check_payloads --data DIR, where DIR holds `x_v2_payloads/*.jsonl.gz` and `bluesky_jetstream/*.jsonl`.
Exits 1 when a payload that holds a post did not become one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.posts import read_post
from app.messages import Post
from producers.bluesky_payloads import fields_of, read_event
from producers.x_payloads import XPost, read_message, read_page


def lines(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    whole = gzip.decompress(content) if path.suffix == ".gz" else content
    yield from (line.strip() for line in whole.splitlines() if line.strip())


def x_pages(path: Path) -> Iterator[dict[str, Any]]:
    """Give every line of a file the form of a page: some files hold pages, some single posts, some neither."""
    for line in lines(path):
        said = json.loads(line)
        data = said.get("data", said)
        yield {"data": data if isinstance(data, list) else [data], "includes": said.get("includes", {})}


def check_x(folder: Path, tally: Counter[str], now: datetime) -> None:
    for path in sorted(folder.glob("*.jsonl.gz")):
        for page in x_pages(path):
            holding = [one for one in page["data"] if isinstance(one, dict) and "text" in one]
            read = read_page(page)
            tally["x: objects"] += len(page["data"])
            tally["x: no posts (users, lists, counts)"] += len(page["data"]) - len(holding)
            tally["x: LOST"] += max(0, len(holding) - len(read))
            for post, raw in read:
                told(read_post(post.fields, raw, received_at=now), "x", tally)
            for one in holding:  # the same object as the stream would send it
                line = json.dumps({"data": one, "includes": page["includes"], "matching_rules": [{"id": "1"}]})
                tally["x: LOST in the stream"] += not isinstance(read_message(line.encode(), now), XPost)


def check_jetstream(folder: Path, tally: Counter[str], now: datetime) -> None:
    for path in sorted(folder.glob("*.jsonl")):
        for line in lines(path):
            event = read_event(line)
            tally["bluesky: frames"] += 1
            tally["bluesky: LOST"] += event is None
            if event is not None and event.operation in {"create", "update", "delete"}:
                told(read_post(fields_of(event, event.did), line, received_at=now), "bluesky", tally)
            elif event is not None:
                tally[f"bluesky: {event.operation}"] += 1


def told(read: object, platform: str, tally: Counter[str]) -> None:
    if not isinstance(read, Post):
        tally[f"{platform}: QUARANTINED"] += 1
        return
    tally[f"{platform}: {read.type.value}s"] += 1
    tally[f"{platform}: reposts"] += read.repost_of is not None
    tally[f"{platform}: with an author's name"] += not read.author.isdecimal() and read.author != "unknown"
    for flag in read.flags:
        tally[f"{platform}: flagged {flag.value}"] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    folder: Path = parser.parse_args().data
    tally: Counter[str] = Counter()
    began = time.perf_counter()
    check_x(folder / "x_v2_payloads", tally, datetime.now(UTC))
    check_jetstream(folder / "bluesky_jetstream", tally, datetime.now(UTC))
    for name, count in sorted(tally.items()):
        if count:
            print(f"{count:8,}  {name}")
    print(f"in {time.perf_counter() - began:.1f} s")
    return int(any(count for name, count in tally.items() if name.partition(": ")[2].isupper() or "LOST" in name))


if __name__ == "__main__":
    sys.exit(main())
