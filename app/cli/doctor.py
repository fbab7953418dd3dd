"""`watchdesk doctor`."""

from __future__ import annotations

import asyncio
import os

import click

from app.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a check, one a line.")
@click.option("--release-ballast", is_flag=True, help="First give up the file that holds room on the disk.")
def command(as_json: bool, release_ballast: bool) -> int:
    """Check what this installation hangs on, and say what to do about what is wrong.

    Changes nothing, unless it is told to release the ballast. Exit code 0 when all is well or only worth a look, 1 when something will not work.
    """
    settings = load_settings(os.environ)
    from app.ballast import release_ballast as release
    from app.cli.doctoring import examine, print_findings

    if release_ballast:
        click.echo(f"watchdesk: {release(settings.home):,} bytes released in {settings.home}", err=True)
    findings = asyncio.run(examine(settings))
    print_findings(findings, as_json=as_json)
    return int(any(finding.state == "fail" for finding in findings))
