"""The real place index, built once and kept for as long as what it is built from stays the same."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import GazetteerError
from app.gazetteer_file import build_gazetteer, open_gazetteer
from tests.parts.desk_home import DeskHome

ROOT = Path(__file__).parents[2]
MADE_FROM = ("app/domain/data/*.tsv", "app/domain/data/*.txt", "app/gazetteer_*.py", "app/domain/*.py")


@pytest.fixture(scope="session")
def gazetteer_file(pytestconfig: pytest.Config) -> Path:
    digest = hashlib.sha256()
    for pattern in MADE_FROM:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    cache = pytestconfig.cache
    assert cache is not None
    path = cache.mkdir("gazetteer") / f"{digest.hexdigest()[:16]}.wdg"
    with path.with_suffix(".lock").open("w") as lock:  # workers side by side build it once
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            open_gazetteer(path)
        except GazetteerError:
            build_gazetteer(path)
    return path


@pytest.fixture
def make_home(tmp_path: Path, gazetteer_file: Path) -> Callable[..., DeskHome]:
    """Return a function that makes homes by name."""
    return lambda name="desk", **settings: DeskHome(tmp_path / name, gazetteer_file, **settings)


@pytest.fixture
def home(make_home: Callable[..., DeskHome]) -> DeskHome:
    return make_home()
