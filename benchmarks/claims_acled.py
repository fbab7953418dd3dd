"""How often the kind and the actors of ACLED's event notes are read as ACLED coded them. Run: `python -m benchmarks.claims_acled --data DIR`.

Half of the notes (by a hash of the id) is for looking at, half is held back: figures are given for both. A note is a full English
sentence, not a post, so this measures words and grammar, not slang.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from app.domain.tagging import Tagger
from app.messages import Post
from benchmarks.claims_data import read_rows, the_tagger

KIND_OF = {
    "Air/drone strike": "air_strike", "Shelling/artillery/missile attack": "shelling", "Armed clash": "armed_clash",
    "Chemical weapon": "chemical_weapon", "Suicide bomb": "suicide_bomb", "Remote explosive/landmine/IED": "remote_explosive",
    "Grenade": "remote_explosive", "Attack": "attack_on_civilians", "Sexual violence": "attack_on_civilians",
    "Abduction/forced disappearance": "abduction", "Peaceful protest": "protest", "Protest with intervention": "protest",
    "Excessive force against protesters": "protest", "Violent demonstration": "protest", "Mob violence": "protest",
    "Arrests": "other_event", "Agreement": "other_event", "Change to group/activity": "other_event", "Disrupted weapons use": "other_event",
    "Headquarters or base established": "other_event", "Looting/property destruction": "other_event",
    "Non-violent transfer of territory": "other_event", "Other": "other_event", "Government regains territory": "armed_clash",
    "Non-state actor overtakes territory": "armed_clash",
}  # fmt: skip
ACTOR_OF = (
    ("Military Forces of Russia", "RU_forces"), ("Military Forces of Ukraine", "UA_forces"), ("Military Forces of Israel", "IDF"),
    ("Military Forces of Turkey", "Turkey"), ("QSD", "SDF"), ("Hayat Tahrir", "HTS"), ("Operation Restoring Hope", "coalition"),
    ("Global Coalition", "coalition"), ("Military Forces of Syria", "SAA"), ("Hamas", "Hamas"), ("Hezbollah", "Hezbollah"),
    ("Supreme Political Council", "Houthis"), ("Rapid Support", "RSF"),
)  # fmt: skip


def held_back(key: str) -> bool:
    return hashlib.sha256(f"claims {key}".encode()).digest()[0] % 2 == 1


def actor_of(row: dict[str, Any], kind: str) -> str | None:
    """Return our id of ACLED's first actor, None where ours has no name for it."""
    for name, actor in ACTOR_OF:
        if name in row["actor1"]:
            if row["country"] == "Syria" and kind == "air_strike":
                return {"RU_forces": "RuAF", "SAA": "SyAAF"}.get(actor, actor)
            return actor
    return None


def judged(rows: list[dict[str, Any]], tagger: Tagger) -> Iterator[tuple[dict[str, Any], str, Any]]:
    for row in rows:
        kind = KIND_OF[row["sub_event_type"]]
        key = row["event_id_cnty"]
        yield (
            row,
            kind,
            tagger.tag(Post(id=f"x:{key}", given_id=key, platform="x", author="acled", text=row["notes"], lang="en")),
        )


def figures(rows: list[dict[str, Any]], tagger: Tagger, examples: int) -> None:
    gold: Counter[str] = Counter()
    given: Counter[str] = Counter()
    right: Counter[str] = Counter()
    claims: Counter[str] = Counter()
    actors: Counter[str] = Counter()
    wrong: list[str] = []
    for row, kind, tags in judged(rows, tagger):
        gold[kind] += 1
        given[tags.kind] += 1
        right[kind] += tags.kind == kind
        claims[tags.claim] += 1
        expected = actor_of(row, kind)
        if expected is not None:
            actors["all"] += 1
            actors["right"] += expected in tags.actors
            actors["only"] += tags.actors == (expected,)
        if tags.kind != kind or tags.claim != "report" or (expected is not None and expected not in tags.actors):
            wrong.append(
                f"  {kind} -> {tags.kind}/{tags.claim}, {expected} -> {tags.actors}: {row['notes'][:260]}\n      {tags.reasons[:3]}"
            )
    click.echo(f"{len(rows)} notes, claim report in {claims['report'] / len(rows):.3f} ({dict(claims)})")
    for kind in gold:
        click.echo(
            f"  {kind:22} n {gold[kind]:5}  recall {right[kind] / gold[kind]:.3f}  precision {right[kind] / max(1, given[kind]):.3f}"
        )
    click.echo(f"  all: right kind in {sum(right.values()) / len(rows):.3f}")
    click.echo(
        f"  actor: named in {actors['right'] / max(1, actors['all']):.3f}, alone in {actors['only'] / max(1, actors['all']):.3f} of {actors['all']}"
    )
    step = max(1, len(wrong) // max(1, examples))
    for line in wrong[::step][:examples]:
        click.echo(line)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--gazetteer", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--conflict", is_flag=True, help="Only notes about arms: protests, riots and arrests left out.")
@click.option("--examples", default=0, help="Wrong ones to show, of the half that is for looking at.")
def main(data: Path, gazetteer: Path | None, conflict: bool, examples: int) -> None:
    rows = read_rows(data / "acled_sample")
    if rows is None:
        click.echo("not run: no data")
        return
    if conflict:
        rows = [row for row in rows if KIND_OF[row["sub_event_type"]] not in {"protest", "other_event"}]
    tagger = the_tagger(gazetteer)
    for name, held in (("for looking at", False), ("held back", True)):
        click.echo(f"-- {name}")
        figures([row for row in rows if held_back(row["event_id_cnty"]) is held], tagger, 0 if held else examples)


if __name__ == "__main__":
    main()
