"""The feed: every revision and deletion once, in the order in which it was seen."""

from datetime import UTC, datetime, timedelta

from app.db import feed
from app.db.session import Database
from tests.rows import NOON, post_row, revision_row, store

BEGINNING = datetime.min.replace(tzinfo=UTC)


async def test_revisions_and_deletions_come_in_the_order_in_which_they_were_seen(database: Database) -> None:
    def minute(number: int) -> datetime:
        return NOON + timedelta(minutes=number)

    await store(
        database,
        post_row("1", seen_at=minute(1)),
        post_row("2", seen_at=minute(2), deleted_at=minute(5), text=""),
        post_row("3", seen_at=minute(4), repost_of="x:1"),
        revision_row("1", "first", minutes=1),
        revision_row("1", "edited", minutes=3),
        revision_row("2", "", minutes=2),
        revision_row("3", "RT first", minutes=4),
    )

    async with database.read() as session:
        seen = await feed.seen_after(session, BEGINNING, limit=10)
        later = await feed.seen_after(session, minute(3), limit=1)

    assert [(sight.post_id, sight.text, sight.repost, sight.deleted) for sight in seen] == [
        ("x:1", "first", False, False),
        ("x:2", "", False, False),
        ("x:1", "edited", False, False),
        ("x:3", "RT first", True, False),
        ("x:2", "", False, True),
    ]
    assert [sight.seen_at for sight in later] == [minute(4)]
