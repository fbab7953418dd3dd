"""Apache Kafka's programs, fetched once from Maven Central and checked against the hashes that stand beside this file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import threading
import time
from pathlib import Path

import jgo

KAFKA = "4.4.0"
# kafka-clients is named because else an old one is resolved; without log4j-slf4j-impl the broker is mute.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA}+org.apache.kafka:kafka-clients:{KAFKA}+org.apache.logging.log4j:log4j-slf4j-impl:2.24.3"
HASHES = Path(__file__).with_name("kafka_jars.sha256")
EXPECTED_MB = 43


def kafka_classpath() -> str:
    """Return the class path of the broker; the first time this fetches 43 MB and says on stderr how far it is."""
    done = threading.Event()
    progress = threading.Thread(target=_show_progress, args=(done,), daemon=True)
    progress.start()
    try:
        # The resolver draws its own progress for every file; ours is one line.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            jars = sorted(Path(jar) for jar in jgo.build(ENDPOINT).all_jars)
    finally:
        done.set()
        progress.join()
    _check(jars)
    return os.pathsep.join(map(str, jars))


def write_hashes(jars: list[Path]) -> None:
    """Pin what was fetched; for the day on which the version above moves."""
    HASHES.write_text("".join(f"{_sha256(jar)}  {jar.name}\n" for jar in sorted(jars, key=lambda jar: jar.name)))


def _check(jars: list[Path]) -> None:
    pinned = {line[66:]: line[:64] for line in HASHES.read_text().splitlines()}
    found = {jar.name: jar for jar in jars}
    if missing := pinned.keys() ^ found.keys():
        raise RuntimeError(f"Kafka's jars are not those of {HASHES}: {', '.join(sorted(missing))}")
    for name, jar in found.items():
        if _sha256(jar) != pinned[name]:
            raise RuntimeError(f"{jar} differs from its hash in {HASHES}: remove it and try again")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _show_progress(done: threading.Event) -> None:
    """Every 2 s say how much has come, if it takes that long at all."""
    began = time.monotonic()
    out = sys.__stderr__
    repository = Path.home() / ".m2" / "repository"
    before = _megabytes(repository)
    while not done.wait(2.0):
        if out is not None:
            fetched = min(_megabytes(repository) - before, EXPECTED_MB)
            elapsed = time.monotonic() - began
            print(f"Apache Kafka: fetched {fetched:.0f} of {EXPECTED_MB} MB, {elapsed:.0f} s", file=out, flush=True)


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*.jar") if path.is_file()) / 1e6
