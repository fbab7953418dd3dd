"""How well places are found and told apart, against a plain dictionary in the same run.

    python -m benchmarks.places_quality --data DIR [--gazetteer FILE] [--every 5] [--show SET]

The peer is what most monitors do: the longest known name at each word, upper or lower case, and of its places the most peopled
(in the country that the source writes about, where the set has one, for both).
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from app.domain.gazetteer import Gazetteer
from app.domain.geo import distance_km
from app.domain.places import find_places
from app.domain.text import read_text
from app.gazetteer_file import default_gazetteer, open_gazetteer
from benchmarks import places_sets
from benchmarks.places_sets import Gold, Sample

NEAR_KM, FAR_KM = 10.0, 161.0


@dataclass(frozen=True)
class Answer:
    start: int
    end: int
    lat: float
    lon: float
    radius_km: float
    name: str = ""
    event: bool = True


Finder = Callable[[Sample], list[Answer]]


def ours(gazetteer: Gazetteer) -> Finder:
    def find(sample: Sample) -> list[Answer]:
        read = read_text(sample.text, gazetteer.split_hashtag)
        tags = find_places(read, gazetteer, lang=sample.lang, home_countries=sample.home)
        return [Answer(t.start, t.end, t.lat, t.lon, t.radius_km, t.name, t.role == "event") for t in tags]

    return find


def dictionary(gazetteer: Gazetteer) -> Finder:
    def find(sample: Sample) -> list[Answer]:
        tokens = read_text(sample.text, gazetteer.split_hashtag).tokens
        answers, at = [], 0
        while at < len(tokens):
            size = 1
            for size in range(min(5, len(tokens) - at), 0, -1):
                numbers = gazetteer.find("n", " ".join(token.norm for token in tokens[at : at + size]))
                if numbers:
                    places = [gazetteer.place(value >> 1) for value in numbers]
                    home = [place for place in places if place.country in sample.home] or places
                    place = max(home, key=lambda place: place.population)
                    answers.append(
                        Answer(
                            tokens[at].start,
                            tokens[at + size - 1].end,
                            place.lat,
                            place.lon,
                            place.radius_km,
                            place.name,
                        )
                    )
                    break
            at += size
        return answers

    return find


@dataclass
class Spans:
    """Overlap and exact matches, micro-averaged, and the mean over texts by the names' norms (an empty answer to an empty gold is 1)."""

    hits: int = 0
    exact: int = 0
    answers: int = 0
    gold: int = 0
    per_text: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, answers: Sequence[Answer]) -> None:
        self.gold += len(sample.gold)
        self.answers += len(answers)
        found = [gold for gold in sample.gold if any(a.start < gold.end and gold.start < a.end for a in answers)]
        right = [a for a in answers if any(a.start < gold.end and gold.start < a.end for gold in sample.gold)]
        self.hits += min(len(found), len(right))
        self.exact += sum(any((a.start, a.end) == (gold.start, gold.end) for a in answers) for gold in sample.gold)
        self.wrong.update(sample.text[a.start : a.end] for a in answers if a not in right)
        self.missed.update(gold.text for gold in sample.gold if gold not in found)
        self.per_text.append(_name_f(sample, answers))

    def line(self) -> str:
        def f1(hits: int) -> tuple[float, float, float]:
            p, r = hits / max(1, self.answers), hits / max(1, self.gold)
            return p, r, 2 * p * r / max(1e-9, p + r)

        p, r, f = f1(self.hits)
        mean = sum(self.per_text) / max(1, len(self.per_text))
        return f"overlap P {p:.3f} R {r:.3f} F {f:.3f} | exact F {f1(self.exact)[2]:.3f} | per text F {mean:.3f}"


def _name_f(sample: Sample, answers: Sequence[Answer]) -> float:
    gold = Counter(gold.text.casefold() for gold in sample.gold)
    mine = Counter(sample.text[a.start : a.end].casefold() for a in answers)
    if not gold and not mine:
        return 1.0
    hits = sum((gold & mine).values())
    return 2 * hits / (sum(gold.values()) + sum(mine.values()))


@dataclass
class Resolved:
    """Of the gold mentions with a point: how many were found, how many of all lie within 161 km (or in the gold's box)."""

    gold: int = 0
    found: int = 0
    right: int = 0
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, answers: Sequence[Answer]) -> None:
        for gold in sample.gold:
            if gold.lat is None:
                continue
            self.gold += 1
            answer = next((a for a in answers if a.start < gold.end and gold.start < a.end), None)
            if answer is None:
                continue
            self.found += 1
            if _agrees(gold, answer):
                self.right += 1
            else:
                self.wrong[
                    f"{gold.text} -> {answer.name} {answer.lat:.1f},{answer.lon:.1f} not {gold.lat:.1f},{gold.lon:.1f}"
                ] += 1

    def line(self) -> str:
        return f"resolved@161 {self.right / max(1, self.gold):.3f} of all, {self.right / max(1, self.found):.3f} of found ({self.gold})"


def _agrees(gold: Gold, answer: Answer) -> bool:
    assert gold.lat is not None
    assert gold.lon is not None
    if distance_km(gold.lat, gold.lon, answer.lat, answer.lon) <= FAR_KM:
        return True
    box = gold.bbox
    return box is not None and box[0] <= answer.lat <= box[1] and box[2] <= answer.lon <= box[3]


@dataclass
class Aimed:
    """Of texts that are about one point: whether any answer lies near it, and whether all event places do."""

    texts: int = 0
    answered: int = 0
    near: int = 0
    covered: int = 0  # within the answer's own radius
    wrong: Counter[str] = field(default_factory=Counter)

    def add(self, sample: Sample, answers: Sequence[Answer]) -> None:
        assert sample.target is not None
        self.texts += 1
        events = [answer for answer in answers if answer.event] or list(answers)
        self.answered += bool(events)
        distances = [(distance_km(*sample.target, a.lat, a.lon), a.radius_km) for a in events]
        near = any(km <= NEAR_KM for km, _ in distances)
        self.near += near
        self.covered += near or any(km <= radius for km, radius in distances)
        if not near:
            self.wrong[
                f"{sample.text[:150]} -> {[(a.name, round(d[0])) for a, d in zip(events, distances, strict=True)]}"
            ] += 1

    def line(self) -> str:
        n = max(1, self.texts)
        return f"within 10 km {self.near / n:.3f} of all, {self.near / max(1, self.answered):.3f} of answered; area holds it {self.covered / n:.3f} ({n})"


Measure = Spans | Resolved | Aimed


def sets_of(data: Path) -> dict[str, tuple[list[Sample], type[Measure]]]:
    aw = data / "airwars_syria"
    return {
        "idrisi-en": (places_sets.idrisi(data / "idrisi/lmr_en_train.jsonl.gz", "en"), Spans),
        "idrisi-ar": (places_sets.idrisi(data / "idrisi/lmr_ar_train.jsonl.gz", "ar"), Spans),
        "geocorpora": (places_sets.geocorpora(data / "geocorpora/geocorpora_a.jsonl.gz"), Spans),
        "idrisi-d-en": (places_sets.idrisi(data / "idrisi/lmd_en_train.jsonl.gz", "en"), Resolved),
        "idrisi-d-ar": (places_sets.idrisi(data / "idrisi/lmd_ar_train.jsonl.gz", "ar"), Resolved),
        "geocorpora-d": (places_sets.geocorpora(data / "geocorpora/geocorpora_a.jsonl.gz"), Resolved),
        "airwars-en": (places_sets.airwars_names(aw / "incidents_even_months.jsonl.gz", "loc_en"), Aimed),
        "airwars-ar": (places_sets.airwars_names(aw / "incidents_even_months.jsonl.gz", "loc_ar"), Aimed),
        "headlines-en": (places_sets.airwars_headlines(aw / "headlines_even_months.jsonl.gz", "en"), Aimed),
        "headlines-ar": (places_sets.airwars_headlines(aw / "headlines_even_months.jsonl.gz", "ar"), Aimed),
        "viina": (places_sets.viina(data / "viina/viina_a.jsonl.gz"), Aimed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gazetteer", type=Path)
    parser.add_argument("--every", type=int, default=5, help="take every n-th text of a set")
    parser.add_argument("--offset", type=int, default=0, help="where the every-th begin, to keep samples apart")
    parser.add_argument("--only", default="", help="sets whose name begins so")
    parser.add_argument("--show", type=int, default=0, help="list that many of what went wrong")
    options = parser.parse_args()
    if not options.data.is_dir():
        print("not run: no data")
        return
    gazetteer = open_gazetteer(options.gazetteer) if options.gazetteer else default_gazetteer(Path("var"))
    for name, (samples, measure) in sets_of(options.data).items():
        if not name.startswith(options.only):
            continue
        chosen = samples[options.offset :: options.every]
        for who, find in (("watchdesk", ours(gazetteer)), ("dictionary", dictionary(gazetteer))):
            result = measure()
            start = time.perf_counter()
            for sample in chosen:
                result.add(sample, find(sample))
            took = (time.perf_counter() - start) / max(1, len(chosen)) * 1e6
            print(f"{name:13} {who:10} {result.line()} | {took:.0f} us a text")
            if options.show and who == "watchdesk":
                for label in ("wrong", "missed"):
                    wrong = cast("Counter[str]", getattr(result, label, Counter()))
                    for text, count in wrong.most_common(options.show):
                        print(f"    {label} {count:4} {text}")


if __name__ == "__main__":
    main()
