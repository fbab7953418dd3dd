"""Which of the right names a wrong one was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(wrong: str, right: Iterable[str]) -> str | None:
    """Return the right name that is nearest to the wrong one, whatever its case; None where none is near."""
    folded = {name.casefold(): name for name in right}
    near = difflib.get_close_matches(wrong.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def hint(wrong: str, right: Iterable[str]) -> str:
    """Return "; did you mean X?", or nothing where no right name is near."""
    near = closest(wrong, right)
    return f"; did you mean {near}?" if near else ""
