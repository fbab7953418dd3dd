from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.clock import SystemClock
from app.db.models import Meta
from app.db.session import WriteSession
from consumers.group_commit import GroupCommit
from tests.sending import sending


async def test_works_that_come_together_share_a_transaction_and_all_are_committed(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        commits = GroupCommit(desk.database)
        transactions = set()

        async def work(number: int, writing: WriteSession) -> None:
            transactions.add(id(writing))
            writing.session.add(Meta(key=f"k{number}", value=""))

        await asyncio.gather(*(commits.run(lambda w, n=n: work(n, w)) for n in range(50)))  # type: ignore[misc]
        async with desk.database.read() as session:
            assert await session.scalar(select(func.count()).where(Meta.key.like("k%"))) == 50
        assert len(transactions) <= 3


async def test_a_work_that_fails_takes_its_transaction_with_it_and_no_later_one(tmp_path: Path) -> None:
    async with sending(tmp_path, SystemClock()) as desk:
        commits = GroupCommit(desk.database)

        async def good(writing: WriteSession) -> None:
            writing.session.add(Meta(key="good", value=""))

        async def bad(writing: WriteSession) -> None:
            del writing
            raise ZeroDivisionError

        outcomes = await asyncio.gather(commits.run(good), commits.run(bad), return_exceptions=True)
        assert isinstance(outcomes[1], ZeroDivisionError)
        with pytest.raises(ZeroDivisionError):
            await commits.run(bad)
        if outcomes[0] is not None:
            await commits.run(good)
        async with desk.database.read() as session:
            assert await session.get(Meta, "good") is not None
