"""A desk on a real database, and random days for it: what the tests of the store, of backups and of restarts share."""

from __future__ import annotations

import random
from collections.abc import Sequence

from app.db.desk_load import Loader
from app.db.desk_save import Saver
from app.db.rejudge import InForce, judge_again
from app.db.session import Database
from app.domain.changes import Changes
from app.domain.config import DeskOptions
from app.domain.desk import Desk, DeskRules
from app.domain.desk_state import DeskState
from app.domain.grades import SourceBook
from app.domain.watches import ALL_WATCH, Watch
from app.messages import PostType, Record, RunStart, SpoolHead
from tests.wire import NOON, Wire, WordMatcher, card, tags

BOOK = SourceBook([card("author_1", "One"), card("author_2", "Two", "C")])
OPTIONS = DeskOptions()
WATCHES = {"all": ALL_WATCH}


class StoredDesk:
    """A desk that saves each batch and may forget everything in between."""

    def __init__(self, database: Database, *watches: Watch) -> None:
        self.database = database
        self.watches = {watch.name: watch for watch in watches} or WATCHES
        self.loader = Loader(BOOK, OPTIONS)
        self.state: DeskState | None = None

    async def feed(self, records: Sequence[Record]) -> list[tuple[str, str]]:
        """Decide and save the records; return the watch and the step of each alert."""
        changes = Changes()
        async with self.database.write() as writing:
            if self.state is None:
                self.state, _ = await self.loader.everything(writing.session)
            await self.loader.needed(writing.session, self.state, records)
            matcher = WordMatcher(self.watches)
            await judge_again(writing.session, self.state, InForce(matcher.version, self.watches.keys(), matcher.hits))
            desk = Desk(self.state, DeskRules(BOOK, OPTIONS, self.watches), matcher)
            for record in records:
                desk.handle(record, changes)
            await Saver(writing, self.state, NOON, ["slack"]).save(changes)
        return [(raised.alert.watch, raised.alert.step) for raised in changes.alerts]

    def forget(self) -> None:
        self.state = None


def random_records(seed: int, count: int = 60) -> list[Record]:
    chance = random.Random(seed)
    wire = Wire()
    records: list[Record] = [RunStart("run", ("x:author_1", "x:author_2"), NOON, NOON)]
    minute = 0.0
    for _ in range(count):
        minute += chance.choice([1, 5, 60, 700, 3000])
        where = chance.choice(["jisr", "basanqul", "saraqib", "idlib", ""])
        said = tags(
            chance.choice(["report", "report", "report", "denial", "threat", "aftermath", "none"]),
            at=(where,) if where else (),
            actors=(chance.choice(["RuAF", "SyAAF", "unknown"]),),
            killed=chance.choice([None, (1, 1), (5, 8)]),
        )
        number = str(chance.randint(1, 25))
        records.append(
            wire.item(
                number,
                minute,
                f"author_{chance.randint(1, 5)}",
                said,
                text=f"{number} {chance.random()}",
                type_=chance.choice([PostType.POST, PostType.POST, PostType.EDIT, PostType.DELETE]),
                run="run",
            )
        )
    records.append(SpoolHead(wire.spool, wire.sequence, NOON))
    return records
