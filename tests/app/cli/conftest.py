"""The command line as a person meets it: a process of its own, in a home and an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run `watchdesk ARGUMENTS...` with its home in `tmp_path`; further settings by keyword."""

    def run(*arguments: str, stdin: str | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WATCHDESK_")}
        environ |= {"WATCHDESK_HOME": str(tmp_path), **settings}
        return subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env=environ,
            check=False,
            timeout=60,
        )

    return run
