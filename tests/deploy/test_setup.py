"""Setting up says in one line what is missing, and does nothing where nothing changed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("sh", "dirname", "cksum", "awk", "grep", "sed", "cat", "date", "mkdir", "rm", "tail", "env")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what set-up reads."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "setup.sh", tmp_path / "deploy" / "setup.sh")
    for name in ("pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH on which there is everything but Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    return folder


def set_up(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(checkout / "deploy" / "setup.sh"), "runtime"],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
        timeout=100,
    )


def pretend(folder: Path, name: str, *, version: str, code: int) -> None:
    """Put a command called `name` there that says `version` and exits with `code` when asked for anything else."""
    script = folder / name
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit 0\nexit {code}\n')
    script.chmod(0o755)


def test_an_old_python_is_named(checkout: Path, tools: Path) -> None:
    pretend(tools, "python3", version="Python 3.9.2", code=1)

    result = set_up(checkout, PATH=str(tools))

    assert result.returncode == 1
    assert result.stderr.startswith("set-up: Python 3.11 or newer is needed (found: Python 3.9.2)")
    assert result.stderr.count("\n") == 1


def test_no_python_at_all_is_one_line_too(checkout: Path, tools: Path) -> None:
    result = set_up(checkout, PATH=str(tools))

    assert result.returncode == 1
    assert result.stderr.count("\n") == 1


def test_an_index_that_cannot_be_reached_is_said_so(checkout: Path) -> None:
    # The port is that of "discard": nobody listens there.
    result = set_up(checkout, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_FIND_LINKS="", PIP_DEFAULT_TIMEOUT="2")

    assert result.returncode == 1
    assert result.stderr.startswith("set-up: the package index cannot be reached")
    assert result.stderr.count("\n") == 1


def test_what_is_installed_is_not_installed_again(checkout: Path) -> None:
    """Nothing is asked of pip: the stamps hold what the files hold."""
    (checkout / ".venv").mkdir()
    for name in ("requirements.lock",):
        sums = subprocess.run(["sh", "-c", f"cksum < {name}"], cwd=checkout, capture_output=True, text=True, check=True)
        (checkout / ".venv" / f".installed-{name}").write_text(sums.stdout)
    project = r"sed -n '/^\[build-system\]/,/^\[tool.ruff/p' pyproject.toml | cksum"
    sums = subprocess.run(["sh", "-c", project], cwd=checkout, capture_output=True, text=True, check=True)
    (checkout / ".venv" / ".installed-project").write_text(sums.stdout)
    (checkout / ".venv" / "bin").mkdir()
    pretend(checkout / ".venv" / "bin", "python", version="Python 3.11.0", code=0)

    result = set_up(checkout)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
