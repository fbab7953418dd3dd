from __future__ import annotations

from pathlib import Path
from types import CoroutineType

import pytest

from app.cli.process import consumer_work
from app.clock import SystemClock
from tests.sending import sending


@pytest.mark.parametrize(
    ("names", "keeps_house", "sends", "stages"),
    [((), True, True, 2), (("desk",), True, False, 1), (("tag",), False, False, 1), (("notify",), False, True, 0)],
)
async def test_where_roles_are_processes_of_their_own_the_desk_keeps_house(
    tmp_path: Path, names: tuple[str, ...], keeps_house: bool, sends: bool, stages: int
) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        work = consumer_work(desk.resources, names)
        named = [one.__name__ for one in work if isinstance(one, CoroutineType)]
        for one in work:
            one.close()
    assert ("keep_house" in named, "run_notify" in named) == (keeps_house, sends)
    assert len(named) == stages + keeps_house + sends
