"""Kinds and actors read in headlines about Syria, against what the incident was found to be. Run: `python -m benchmarks.claims_airwars --data DIR`.

A headline need not say what struck ("قصف" is either), so figures are of those that were called an air strike or shelling.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from app.messages import Post
from benchmarks.claims_acled import held_back
from benchmarks.claims_data import read_rows, the_tagger

KINDS_OF = {
    "Airstrike": {"air_strike"},
    "Airstrike, Drone Strike": {"air_strike"},
    "Drone Strike": {"air_strike"},
    "Artillery": {"shelling"},
}
ACTORS_OF = {
    "Russian Military": {"RuAF", "RU_forces"},
    "U.S.-led Coalition": {"coalition"},
    "Turkish Military": {"Turkey"},
    "Israeli Military": {"IDF"},
    "YPG": {"SDF"},
}


def figures(rows: list[dict[str, Any]], gazetteer: Path | None, examples: int) -> None:
    tagger = the_tagger(gazetteer)
    claims: Counter[str] = Counter()
    kinds: Counter[tuple[str, bool]] = Counter()
    actors: Counter[str] = Counter()
    wrong: list[str] = []
    for row in rows:
        tags = tagger.tag(Post(id="web:1", given_id="1", platform="web", author="news", text=row["text"]))
        claims[tags.claim] += 1
        expected = KINDS_OF.get(row["strike"])
        if expected and tags.kind in {"air_strike", "shelling"}:
            kinds[tags.kind, tags.kind in expected] += 1
            if tags.kind not in expected:
                wrong.append(f"  {row['strike']} -> {tags.kind}: {row['text']} {tags.reasons[:1]}")
        doer = ACTORS_OF.get(row["actor"])
        named = [actor for actor in tags.actors if actor not in {"unknown", "SAA", "SyAAF", "other"}]
        if doer and named:
            actors["right" if doer & set(named) else "wrong"] += 1
            if not doer & set(named):
                wrong.append(f"  {row['actor']} -> {tags.actors}: {row['text']} {tags.reasons[-2:]}")
    click.echo(f"{len(rows)} headlines, claims {dict(claims)}")
    for kind in ("air_strike", "shelling"):
        right, total = kinds[kind, True], kinds[kind, True] + kinds[kind, False]
        click.echo(f"  called {kind}: {total}, right {right / max(1, total):.3f}")
    click.echo(f"  actor named: {sum(actors.values())}, right {actors['right'] / max(1, sum(actors.values())):.3f}")
    for text in wrong[:: max(1, len(wrong) // max(1, examples))][:examples]:
        click.echo(text)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--gazetteer", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--examples", default=0, help="Wrong ones to show, of the half that is for looking at.")
def main(data: Path, gazetteer: Path | None, examples: int) -> None:
    rows = read_rows(data / "airwars_syria", "headlines_*.jsonl.gz")
    if rows is None:
        click.echo("not run: no data")
        return
    for name, held in (("for looking at", False), ("held back", True)):
        click.echo(f"-- {name}")
        figures([row for row in rows if held_back(row["code"]) is held], gazetteer, 0 if held else examples)


if __name__ == "__main__":
    main()
