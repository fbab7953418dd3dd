"""Posts with a text in a data folder -> post lines on stdout. Run: `python -m benchmarks.to_post_lines --data DIR > posts.jsonl`.

Reads X v2 responses, Jetstream commits, IDRISI, GeoCorpora, CrisisLex and Airwars headlines. What stands in DIR stays there: nothing of it
belongs in the project.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

Row = dict[str, Any]
SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
MOST = 60_000  # code points that a line carries


def line(
    *, given_id: object, platform: str, author: object, text: object, at: str | None = None, lang: object = None
) -> Row | None:
    """Return a post line, or None where there is no text."""
    if not isinstance(text, str) or not text.strip() or given_id in {None, ""}:
        return None
    row: Row = {"id": str(given_id), "platform": platform, "author": str(author or "unknown"), "text": text[:MOST]}
    if at:
        row["created_at"] = at
    if isinstance(lang, str):
        row["lang"] = lang
    return row


def snowflake_time(given_id: object) -> str | None:
    """Return when X made a post, from its id."""
    digits = str(given_id)
    if not digits.isdigit() or len(digits) < 16:
        return None
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=(int(digits) >> 22) + SNOWFLAKE_EPOCH_MS)
    return at.isoformat().replace("+00:00", "Z")


def of_x(row: Row) -> Iterator[Row | None]:
    """A response holds one post or many under `data`, and referenced ones under `includes`; a flat file one post a line."""
    data = row.get("data", row if "text" in row else [])
    included = row.get("includes", {})
    for one in [
        *(data if isinstance(data, list) else [data]),
        *(included.get("tweets", []) if isinstance(included, dict) else []),
    ]:
        if isinstance(one, dict):
            yield line(
                given_id=one.get("id"),
                platform="x",
                author=one.get("author_id"),
                text=one.get("text"),
                at=one.get("created_at"),
                lang=one.get("lang"),
            )


def of_jetstream(row: Row) -> Iterator[Row | None]:
    commit = row.get("commit") or {}
    record = commit.get("record") or {}
    if commit.get("collection") == "app.bsky.feed.post" and commit.get("operation") == "create":
        langs = record.get("langs") or [None]
        yield line(
            given_id=f"at://{row['did']}/{commit['collection']}/{commit['rkey']}",
            platform="bluesky",
            author=row["did"],
            text=record.get("text"),
            at=record.get("createdAt"),
            lang=langs[0],
        )


def of_tweet(row: Row) -> Iterator[Row | None]:
    yield line(
        given_id=row.get("id"),
        platform="x",
        author=row.get("event"),
        text=row.get("text"),
        at=snowflake_time(row.get("id")),
    )


def of_headline(row: Row) -> Iterator[Row | None]:
    yield line(
        given_id=f"airwars-{row['seq']}-{row['code']}",
        platform="web",
        author="airwars",
        text=row.get("text"),
        at=f"{row['date']}T12:00:00Z",
    )


SETS: tuple[tuple[str, str, Callable[[Row], Iterator[Row | None]]], ...] = (
    ("x_v2_payloads", "*.jsonl.gz", of_x),
    ("bluesky_jetstream", "golden_v1.jsonl", of_jetstream),
    ("idrisi", "*.jsonl.gz", of_tweet),
    ("geocorpora", "*.jsonl.gz", of_tweet),
    ("crisislex", "*.jsonl.gz", of_tweet),
    ("airwars_syria", "headlines_*.jsonl.gz", of_headline),
)


def post_lines(data: Path) -> Iterator[tuple[str, Row]]:
    """Return (set, post line) of every post with a text below `data`, each id of a platform once."""
    seen: set[tuple[str, str]] = set()
    for folder, pattern, convert in SETS:
        for path in sorted((data / folder).glob(pattern)):
            for row in _rows(path):
                for made in convert(row):
                    if made is not None and (made["platform"], made["id"]) not in seen:
                        seen.add((made["platform"], made["id"]))
                        yield folder, made


def _rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for raw in lines:
            if raw.strip():
                row = msgspec.json.decode(raw)
                if isinstance(row, dict):
                    yield row


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--only", multiple=True, help="Only these folders.")
def main(data: Path, only: tuple[str, ...]) -> None:
    counts: Counter[str] = Counter()
    for folder, row in post_lines(data):
        if not only or folder in only:
            counts[folder] += 1
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
    click.echo(f"{dict(counts) or 'not run: no data'}", err=True)


if __name__ == "__main__":
    main()
