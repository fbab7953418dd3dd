"""What the claim benchmarks share: the rows of a data folder and a tagger."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import msgspec

from app.domain.gazetteer import Gazetteer
from app.domain.lexicon import load_lexicon
from app.domain.tagging import Tagger
from app.gazetteer_file import default_gazetteer, open_gazetteer


def read_rows(folder: Path, pattern: str = "*.jsonl.gz") -> list[dict[str, Any]] | None:
    """Return the rows of every file of the folder, None where there is none."""
    files = sorted(folder.glob(pattern))
    if not files:
        return None
    rows: list[dict[str, Any]] = []
    for path in files:
        with gzip.open(path) as lines:
            rows.extend(msgspec.json.decode(line) for line in lines if line.strip())
    return rows


def the_tagger(gazetteer: Path | None) -> Tagger:
    """Return a tagger on the given index, else on that of the home."""
    opened: Gazetteer = (
        open_gazetteer(gazetteer) if gazetteer else default_gazetteer(Path(os.environ.get("WATCHDESK_HOME", "var")))
    )
    return Tagger(opened, load_lexicon())
