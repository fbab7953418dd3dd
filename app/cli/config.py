"""`watchdesk config check` and `watchdesk config show`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from app.settings import VARIABLES, Settings, load_settings

if TYPE_CHECKING:  # a gazetteer costs numpy, and most checks need none
    from app.domain.gazetteer import Gazetteer


@click.group()
def group() -> None:
    """Check or show the settings: environment variables and watchdesk.toml."""


@group.command()
@click.option(
    "--places", is_flag=True, help="Look up the places of rules and sources too (builds the gazetteer if need be)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def check(places: bool, as_json: bool) -> None:
    """Say what is wrong with the settings; exit 2 where something will not work."""
    settings = load_settings(os.environ)
    from app.config_check import check_config
    from app.domain.lexicon import load_lexicon

    found = check_config(
        settings,
        now=datetime.now(UTC),
        gazetteer=_gazetteer(settings) if places else None,
        actors=sorted({rule.id for party in load_lexicon().parties.values() for rule in party.actors}),
        argv=sys.argv,
    )
    for finding in found:
        click.echo(_json(finding._asdict()) if as_json else f"{finding.level}: {finding.where}: {finding.says}")
    errors = sum(finding.level == "error" for finding in found)
    if errors:
        raise SystemExit(2)
    if not as_json:
        click.echo(f"settings are usable: {_counted(settings)}")


@group.command()
def show() -> None:
    """Print every setting in force, secrets hidden, and what watchdesk.toml says."""
    settings = load_settings(os.environ)
    for variable in VARIABLES:
        given = os.environ.get(variable.name, "").strip()
        file = os.environ.get(f"{variable.name}_FILE", "").strip() if variable.secret else ""
        if variable.secret and (given or file):
            shown, origin = "(set, hidden)", f"file {file}" if file else "environment"
        else:
            shown, origin = given or variable.default or "(empty)", "environment" if given else "default"
        click.echo(f"{variable.name}={shown}  # {origin}")
    for name in settings.config.cited():
        click.echo(
            f"{name}={'(set, hidden)' if settings.secret_of(name) else '(not set)'}  # named in {settings.config_path}"
        )
    click.echo(f"{settings.config_path}: {_counted(settings)}")


def _counted(settings: Settings) -> str:
    config = settings.config
    return f"{len(config.sources)} sources, {len(config.watches)} watches, {len(config.destinations)} destinations"


def _json(value: dict[str, str]) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _gazetteer(settings: Settings) -> Gazetteer:
    from app.gazetteer_file import default_gazetteer

    return default_gazetteer(settings.home)
