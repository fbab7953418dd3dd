"""`watchdesk gazetteer`: build the index of places, look names up in it, say what it holds."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group("gazetteer")
def group() -> None:
    """Places: build the index, look a name up."""


def _default_path() -> Path:
    from app.gazetteer_file import default_path

    return default_path(Path(os.environ.get("WATCHDESK_HOME") or "var"))


@group.command()
@click.option(
    "--extra",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A table of your own places: tab-separated, with the columns id, name, country, lat, lon and, if you like, "
    "level, radius_km, population, parent, names (other spellings, '|' between). May be given several times.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it; the home's own by default."
)
def build(extra: tuple[Path, ...], out: Path | None) -> None:
    """Build the index from GeoNames, CLDR, the packaged tables and your own (half a minute)."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from app.gazetteer_file import build_gazetteer, open_gazetteer

    path = out or _default_path()
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)

        def show(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        build_gazetteer(path, extra=extra, progress=show)
        bar.update(task, description="done", completed=1, total=1)
    size = path.stat().st_size / 1e6
    click.echo(f"{path}: {len(open_gazetteer(path)):,} places, {size:.0f} MB")


@group.command()
@click.argument("name")
@click.option(
    "--gazetteer", "path", type=click.Path(path_type=Path, dir_okay=False), help="Another index than the home's."
)
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
def lookup(name: str, path: Path | None, limit: int) -> None:
    """Show the places that NAME may mean, best first; exits 1 where there is none."""
    from app.gazetteer_file import open_gazetteer

    gazetteer = open_gazetteer(path or _default_path())
    found = gazetteer.lookup(name)
    for place in found[:limit]:
        parents = ", ".join(parent.name for parent in map(gazetteer.get, place.parents) if parent is not None)
        where = f"{place.lat:.4f},{place.lon:.4f} ±{place.radius_km:g} km"
        click.echo(f"{place.place_id:<16} {place.name} ({place.level}{f', {parents}' if parents else ''}) {where}")
    if not found:
        close = ", ".join(place.name for place in gazetteer.suggest(name))
        click.echo(f"no place is called {name!r}{f'; near: {close}' if close else ''}", err=True)
        raise click.exceptions.Exit(1)
    if len(found) > limit:
        click.echo(f"... and {len(found) - limit} more", err=True)


@group.command()
@click.option(
    "--gazetteer", "path", type=click.Path(path_type=Path, dir_okay=False), help="Another index than the home's."
)
def info(path: Path | None) -> None:
    """Say what the index holds and where its places come from."""
    from app.gazetteer_file import open_gazetteer

    chosen = path or _default_path()
    gazetteer = open_gazetteer(chosen)
    click.echo(f"file     {chosen} ({chosen.stat().st_size / 1e6:.0f} MB)")
    click.echo(f"places   {len(gazetteer):,}")
    for source in gazetteer.facts.get("sources", ()):
        click.echo(f"source   {source}")
