from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import Unavailable
from consumers.tries import MOST, Tries


def test_a_record_that_fails_three_times_alone_is_exhausted_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "tries" / "desk.json"
    tries = Tries(path)
    with pytest.raises(KeyError), tries.trying(["a", "b"]):
        raise KeyError
    for _ in range(MOST):
        again = Tries(path)
        again.careful = max(again.careful, 1)
        assert not again.exhausted("a")
        with pytest.raises(KeyError), again.trying(["a"]):
            raise KeyError
    assert Tries(path).exhausted("a")


def test_a_disk_that_takes_nothing_is_said_with_its_path_before_anything_is_tried(tmp_path: Path) -> None:
    path = tmp_path / "tries" / "tag-0.json"
    tries = Tries(path)
    path.parent.rmdir()
    path.parent.write_bytes(b"no folder any longer")
    tried = False
    with pytest.raises(Unavailable, match=r"bytes are free") as raised, tries.trying(["a"]):
        tried = True
    assert not tried
    assert str(path) in raised.value.detail
