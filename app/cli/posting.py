"""What `watchdesk post` does: the same as `POST /v1/posts`."""

from __future__ import annotations

import getpass
from collections.abc import Mapping

from app.cli.stored import open_stored
from app.clock import SystemClock
from app.db import audit, inbox
from app.db.audit import Deed
from app.domain.pasted import line_of
from app.settings import Settings


async def hand_in(
    settings: Settings, url: str | None, text: str, given: Mapping[str, str | None], who: str | None
) -> str:
    """Put a post into the inbox and return what to tell; UserError where it cannot be a post."""
    now = SystemClock().now()
    line, post = line_of({"url": url, "text": text.strip(), **given}, now)
    async with open_stored(settings) as database, database.write() as writing:
        await inbox.hand_in(writing.session, line, now)
        await audit.note(writing, Deed(who or getpass.getuser(), "post_handed_in", post.id), now)
    return f"{post.id} of {post.author} is handed in"
