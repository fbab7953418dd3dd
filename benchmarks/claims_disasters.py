"""How often posts about storms, fires and floods are taken for a war. Run: `python -m benchmarks.claims_disasters --data DIR`.

Every post of these events that is called a report of an air strike, shelling, clash or bomb would be a false alarm; the few that do
speak of a war beside the storm are counted too. Bombings and shootings among the events are left out.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from app.messages import Post
from benchmarks.claims_acled import held_back
from benchmarks.claims_data import the_tagger
from benchmarks.to_post_lines import post_lines

WAR = ("air_strike", "shelling", "armed_clash", "remote_explosive", "suicide_bomb", "chemical_weapon", "abduction")
NOT_A_STORM = ("boston", "airport_shooting", "refinery", "beirut", "cairo", "covid")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--gazetteer", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--examples", default=0, help="False alarms to show, of the half that is for looking at.")
def main(data: Path, gazetteer: Path | None, examples: int) -> None:
    tagger = the_tagger(gazetteer)
    posts = {False: 0, True: 0}
    claims: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    alarms: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    shown: list[str] = []
    for folder, row in post_lines(data):
        if folder not in {"crisislex", "idrisi"} or any(name in row["author"].lower() for name in NOT_A_STORM):
            continue
        held = held_back(row["id"])
        tags = tagger.tag(Post(id="x:1", given_id="1", platform="x", author="a", text=row["text"]))
        posts[held] += 1
        claims[held][tags.claim] += 1
        if tags.claim == "report":
            alarms[held][tags.kind] += 1
            if not held and tags.kind in WAR:
                shown.append(f"  {row['author']} {tags.kind}: {row['text'][:160]!r} {tags.reasons[:2]}")
    if not posts[False]:
        click.echo("not run: no data")
        return
    for held in (False, True):
        war = sum(alarms[held][kind] for kind in WAR)
        click.echo(f"-- {'held back' if held else 'for looking at'}: {posts[held]} posts, {dict(claims[held])}")
        click.echo(
            f"  called a report of arms: {war} = {1000 * war / posts[held]:.2f} in a thousand; by kind {dict(alarms[held])}"
        )
    for text in shown[:: max(1, len(shown) // max(1, examples))][:examples]:
        click.echo(text)


if __name__ == "__main__":
    main()
