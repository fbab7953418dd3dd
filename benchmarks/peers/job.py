"""The work that every framework gets: one post in, the same post with its tags out. Runs in the peers' environments too."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.messages import Ingest, Item, Post, decode, encode
from tests.builders import small_gazetteer

Job = Callable[[bytes], bytes]

TEXTS = (
    "Four airstrikes hit the outskirts of Idlib this morning, at least {n} wounded, rescue teams on their way. ",
    "Shelling reported near Jisr al-Shughour, residents say it has not stopped since dawn. ",
    "Nothing to report from the market today, prices of bread are up again, electricity for {n} hours. ",
    "قصف مدفعي على أطراف مدينة إدلب ولا إصابات حتى الآن ",
)


def make_job() -> Job:
    """Return the tag function, or with BENCH_JOB=pass one that passes bytes on: then all that is measured is the stage."""
    if os.environ.get("BENCH_JOB") == "pass":
        return bytes
    tagger = Tagger(small_gazetteer(), load_lexicon())

    def job(value: bytes) -> bytes:
        item = decode(value)
        if not isinstance(item, Item) or item.post is None:
            raise TypeError("the topic holds posts only")
        return encode(msgspec.structs.replace(item, tags=tagger.tag(item.post)))

    return job


def make_posts(count: int, size: int = 600) -> list[tuple[str, bytes]]:
    """Make (key, value) of posts whose text fills about `size` bytes."""
    made = []
    at = datetime(2026, 3, 1, tzinfo=UTC)
    for n in range(count):
        text = TEXTS[n % len(TEXTS)].format(n=n % 17)
        text = (text * (size // len(text.encode()) + 1))[: size // (2 if n % 4 == 3 else 1)]
        post = Post(f"x:{n}", str(n), "x", f"source{n % 50}", text, created_at=at)
        made.append((post.source, encode(Item(Ingest("bench", n), post.source, at, post))))
    return made


class Meter:
    """Measures from the first post to `done`; `call` is the job with the start of the watch in it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._began: tuple[float, float] | None = None
        self.count = 0

    def call(self, value: bytes) -> bytes:
        if self._began is None:
            self._began = (time.perf_counter(), _cpu())
        self.count += 1
        return self._job(value)

    def done(self, name: str) -> None:
        """Print one JSON line: posts a second, microseconds of CPU a post, and those that the job takes by itself here."""
        if self._began is None:
            raise RuntimeError("nothing was measured")
        seconds, cpu = time.perf_counter() - self._began[0], _cpu() - self._began[1]
        posts = make_posts(2_000)
        alone = _cpu()
        for _, value in posts:
            self._job(value)
        alone = (_cpu() - alone) / len(posts)
        figures = {
            "name": name,
            "posts": self.count,
            "rate": self.count / seconds,
            "cpu_us": cpu / self.count * 1e6,
            "job_us": alone * 1e6,
        }
        print(json.dumps(figures), flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
