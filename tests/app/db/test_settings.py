"""Where the database is, and on what kind of disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.db.settings import driven, filesystem_of

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
//nas/my\\040share /mnt/my\\040share cifs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/watchdesk", "ext4"),
        ("/home/desk", "nfs4"),
        ("/homes", "ext4"),
        ("/home/local/desk", "ext4"),
        ("/mnt/my share/desk", "cifs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(path: str, kind: str) -> None:
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_a_system_that_lists_no_mounts_says_nothing() -> None:
    assert filesystem_of(Path("/var"), "") == ""


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"),
        ("sqlite+aiosqlite:////abs.db", "sqlite+aiosqlite:////abs.db"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgres://u@h:5433/d?ssl=require", "postgresql+asyncpg://u@h:5433/d?ssl=require"),
    ],
)
def test_a_url_gets_the_async_driver(given: str, url: str) -> None:
    assert driven(given) == url
