"""Posts that a person or a drill handed in: from the table `inbox` into the spool, then out of the table.

Resume token: the table itself. A crash between the two takes a post in twice; ids absorb it. Cost: none.
"""

from __future__ import annotations

from app.db.inbox import remove, waiting
from app.db.models import Inbox
from app.db.session import Database
from app.domain.posts import GapLine, parse_line, quarantine
from app.errors import Reason
from app.messages import Post
from producers.intake import Intake, Received
from producers.port import Setup

BATCH = 100
LOOK_EVERY_S = 1.0  # for rows of other processes; a commit of our own wakes at once
LOOKS = 10  # after so many without a change the table is read all the same


class InboxProducer:
    """See `producers.port.Producer`."""

    name = "inbox"
    source_ids: frozenset[str] = frozenset()

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, intake: Intake) -> None:
        while True:
            mark = self._database.mark()
            async with self._database.read() as session:
                rows = await waiting(session, limit=BATCH)
            if not rows:
                await self._wait(intake, mark)
                continue
            await intake.take([_received(row, intake) for row in rows])
            async with self._database.write() as writing:
                await remove(writing.session, [row.id for row in rows])

    async def _wait(self, intake: Intake, mark: int | None) -> None:
        for _ in range(LOOKS):
            try:
                async with intake.clock.timeout(LOOK_EVERY_S):
                    await self._database.wait_for_commit()
                    return
            except TimeoutError:
                if mark is None or mark != self._database.mark():
                    return


def _received(row: Inbox, intake: Intake) -> Received:
    raw = row.line.encode("utf-8", "surrogatepass")
    content = parse_line(raw, received_at=intake.clock.now())
    if content is None or isinstance(content, GapLine):
        content = quarantine(raw, Reason.BAD_TYPE, "only posts can be handed in")
    source = content.source if isinstance(content, Post) else "inbox:unknown"
    return Received(source, content, raw, exercise=row.exercise)


def make(setup: Setup) -> InboxProducer:
    if setup.database is None:
        raise RuntimeError("the inbox producer needs the database")
    return InboxProducer(setup.database)
