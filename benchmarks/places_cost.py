"""What the gazetteer costs: build (time, peak memory of the child), load, memory of a process that has used it, time a text.

    python -m benchmarks.places_cost [--gazetteer FILE] [--data DIR]

Without --gazetteer it builds one; texts are those of `--data` where it is there, else a few of our own.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from app.domain.places import find_places
from app.domain.text import read_text
from app.gazetteer_file import build_gazetteer, open_gazetteer
from benchmarks.places_sets import idrisi

OWN = (
    "Reports of Russian #RuAF strikes near Jisr al Shughour #Syria",
    "غارات روسية على محيط جسر الشغور بريف إدلب",
    "Вибухи у Харкові, удар по Бахмуту Донецької області",
    "Nothing happened here today, and nobody saw it.",
)


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
    return 0.0


def texts_of(data: Path | None) -> list[str]:
    if data is None or not data.is_dir():
        return [*OWN] * 500
    english = idrisi(data / "idrisi/lmr_en_train.jsonl.gz", "en")[::10]
    arabic = idrisi(data / "idrisi/lmr_ar_train.jsonl.gz", "ar")[::5]
    return [sample.text for sample in (*english, *arabic)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gazetteer", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    path = options.gazetteer
    if path is None:
        path = Path(tempfile.mkdtemp()) / "gazetteer.bin"
        start = time.perf_counter()
        build_gazetteer(path)
        child = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = child.ru_utime + child.ru_stime
        print(
            f"build {time.perf_counter() - start:.1f} s wall, {cpu:.1f} s CPU, peak {child.ru_maxrss / 1e3:.0f} MB in the child"
        )
    before, start = resident_mb(), time.perf_counter()
    gazetteer = open_gazetteer(path)
    print(
        f"load {(time.perf_counter() - start) * 1e3:.2f} ms, {path.stat().st_size / 1e6:.0f} MB, {len(gazetteer):,} places"
    )
    texts = texts_of(options.data)
    for turn in ("cold", "warm"):
        start = time.process_time()
        reads = [read_text(text, gazetteer.split_hashtag) for text in texts]
        middle = time.process_time()
        found = sum(len(find_places(read, gazetteer, lang=None)) for read in reads)
        end = time.process_time()
        each = 1e6 / len(texts)
        print(
            f"{turn}: read {(middle - start) * each:.0f} us, places {(end - middle) * each:.0f} us of CPU a text ({len(texts)} texts, {found} places)"
        )
    print(f"memory: {resident_mb() - before:.0f} MB more than before it was opened")


if __name__ == "__main__":
    main()
