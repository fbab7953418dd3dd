"""The measuring sets, brought into one shape. None of them is part of the project: they are read from `--data`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gold:
    """A place that a person marked. `bbox`: south, north, west, east; a point is None where the set gives none."""

    start: int
    end: int
    text: str
    lat: float | None = None
    lon: float | None = None
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Sample:
    """A text with all its places (`spans`), or with the one place it is about (`target`)."""

    text: str
    gold: tuple[Gold, ...]
    lang: str | None = None
    target: tuple[float, float] | None = None
    home: frozenset[str] = frozenset()  # the countries that the source writes about


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def idrisi(path: Path, lang: str) -> list[Sample]:
    return [Sample(row["text"], tuple(_gold(mention) for mention in row["lms"]), lang) for row in rows(path)]


def _gold(mention: dict[str, Any]) -> Gold:
    box = mention.get("bbox")
    return Gold(
        mention["start"],
        mention["end"],
        mention["text"],
        _number(mention.get("lat")),
        _number(mention.get("lon")),
        tuple(map(float, box)) if box else None,  # type: ignore[arg-type]
    )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def geocorpora(path: Path) -> list[Sample]:
    return [Sample(row["text"], tuple(_gold(mention) for mention in row["lms"]), "en") for row in rows(path)]


def airwars_names(path: Path, field: str) -> list[Sample]:
    """Return the names of incidents' places, each with the point that the archive gives."""
    lang = "ar" if field == "loc_ar" else "en"
    return [
        Sample(row[field], (), lang, (float(row["lat"]), float(row["lon"])), frozenset({"SY"}))
        for row in rows(path)
        if row[field] and row["lat"] and row["lon"]
    ]


def airwars_headlines(path: Path, lang: str) -> list[Sample]:
    """Return real headlines that name the place of their incident."""
    found = (row for row in rows(path) if row["loc_in_text"] and row["lat"] and (row["lang"] == "ar") == (lang == "ar"))
    return [Sample(row["text"], (), lang, (float(row["lat"]), float(row["lon"])), frozenset({"SY"})) for row in found]


def viina(path: Path) -> list[Sample]:
    seen: dict[str, list[tuple[float, float]]] = {}
    for row in rows(path):
        text = row["representative_text"]
        if text:
            seen.setdefault(text, []).append((float(row["latitude"]), float(row["longitude"])))
    return [Sample(text, (), "uk", points[0], frozenset({"UA"})) for text, points in seen.items() if len(points) == 1]
