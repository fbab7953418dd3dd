from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ballast import LOW_AT_MOST, NAME, lay_ballast, low_mark, need_room, refuse_without_room, release_ballast
from app.errors import Unavailable
from tests.parts.small_disk import MB, SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", 20) as mounted:
            yield mounted
    except (PermissionError, FileNotFoundError):
        pytest.skip("mounting a small disk needs root")


def test_ballast_takes_room_for_real_and_gives_it_back(disk: SmallDisk) -> None:
    before = disk.free
    assert lay_ballast(disk.path, 2)
    assert before - disk.free >= 2 * MB
    assert lay_ballast(disk.path, 2)
    assert release_ballast(disk.path) == 2 * MB
    assert release_ballast(disk.path) == 0
    assert disk.free == before


def test_no_ballast_is_laid_where_it_would_fill_the_disk(disk: SmallDisk) -> None:
    assert not lay_ballast(disk.path, 16)
    assert list(disk.path.iterdir()) == []


def test_zero_megabytes_are_no_ballast(tmp_path: Path) -> None:
    assert not lay_ballast(tmp_path, 0)
    assert not (tmp_path / NAME).exists()


def test_ballast_goes_first_and_then_nothing_is_taken_in(disk: SmallDisk) -> None:
    lay_ballast(disk.path, 2)
    assert need_room(disk.path) == 0

    disk.fill(leave=MB // 2)
    assert need_room(disk.path) == 2 * MB
    assert need_room(disk.path) == 0

    disk.fill(leave=MB // 2)
    with pytest.raises(Unavailable, match=r"disk: 524,288 of 20,971,520 bytes are free, and below 1,048,576") as raised:
        need_room(disk.path)
    assert str(disk.path) in raised.value.detail
    assert raised.value.what == "disk"

    disk.empty()
    refuse_without_room(disk.path)


def test_a_twentieth_of_a_large_disk_is_no_emergency() -> None:
    assert low_mark(10**9) == 50_000_000
    assert low_mark(10**13) == LOW_AT_MOST
