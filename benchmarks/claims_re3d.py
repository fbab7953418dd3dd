"""Weapons and sides found in documents on Syria and Iraq, against their gold spans. Run: `python -m benchmarks.claims_re3d --data DIR`.

Recall only, by overlap: a word list also finds sides that the gold calls something else.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from app.domain.lexicon import load_lexicon
from app.domain.text import read_text
from benchmarks.claims_acled import held_back
from benchmarks.claims_data import read_rows

WEAPONS = {"Weapon", "MilitaryPlatform"}
ARMED = (
    "army",
    "forces",
    "coalition",
    "isil",
    "daesh",
    "isis",
    "sdf",
    "military",
    "islamic state",
    "raf",
    "peshmerga",
    "regime",
    "air force",
)
FAMILIES = {"weapon": ("kind", "weapon", "act"), "side": ("party",)}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--examples", default=0, help="Missed ones to show, of the half that is for looking at.")
def main(data: Path, examples: int) -> None:
    rows = read_rows(data / "re3d")
    if rows is None:
        click.echo("not run: no data")
        return
    lexicon = load_lexicon()
    found: Counter[tuple[bool, str, bool]] = Counter()
    missed: Counter[str] = Counter()
    for row in rows:
        held = held_back(row["title"])
        hits = lexicon.find(read_text(row["text"]))
        for entity in _entities(row):
            sort = "weapon" if entity["type"] in WEAPONS else "side" if _is_armed(entity) else None
            if sort is None or entity["end"] > 10_000:
                continue
            got = any(
                hit.start < entity["end"]
                and entity["start"] < hit.end
                and hit.means.partition(":")[0] in FAMILIES[sort]
                for hit in hits
            )
            found[held, sort, got] += 1
            if not got and not held:
                missed[f"{sort}: {entity['text'][:80]}"] += 1
    for held in (False, True):
        for sort in FAMILIES:
            right, total = found[held, sort, True], found[held, sort, True] + found[held, sort, False]
            click.echo(
                f"{'held back' if held else 'for looking at'}: {sort} {total}, found {right / max(1, total):.3f}"
            )
    for text, count in missed.most_common(examples):
        click.echo(f"  {count} {text}")


def _entities(row: dict[str, Any]) -> list[dict[str, Any]]:
    entities = row["entities"]
    read: list[dict[str, Any]] = json.loads(entities.replace("'", '"')) if isinstance(entities, str) else entities
    return read


def _is_armed(entity: dict[str, Any]) -> bool:
    return entity["type"] == "Organisation" and any(word in entity["text"].lower().split() for word in ARMED)


if __name__ == "__main__":
    main()
