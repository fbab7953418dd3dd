"""What the X producer asks of X, and how X fails: the seam between `producers.x` (tweepy) and those who read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from producers.port import Lost


class XTrouble(Lost):
    """A connection or request that failed. `kind`: "network", "http", "limited" (429) or "closed" (X ended the stream)."""

    def __init__(
        self, kind: Literal["network", "http", "limited", "closed"], detail: str, *, reset_in: float | None = None
    ) -> None:
        self.kind = kind
        self.reset_in = reset_in
        super().__init__(detail, retry_after=reset_in)


class Span(NamedTuple):
    """From when to when: what a search or a timeline is asked for."""

    start: datetime
    end: datetime


class Api(Protocol):
    """See `producers.x.XApi`: plain JSON out; XTrouble or `producers.port.Refused` raised."""

    def posts(self) -> AsyncGenerator[list[bytes], None]:
        """Listen to the filtered stream: [] once connected, then the lines of each chunk. Ends by raising only."""
        ...

    def events(self) -> AsyncGenerator[list[bytes], None]:
        """Listen to the activity stream, in the same way."""
        ...

    async def rules(self) -> list[dict[str, Any]]: ...

    async def add_rules(self, rules: Mapping[str, str], *, dry_run: bool) -> dict[str, Any]:
        """Add tag to value; X's reply tells which were not created. `dry_run` only checks them."""
        ...

    async def delete_rules(self, ids: Sequence[str]) -> None: ...

    async def subscriptions(self) -> list[dict[str, Any]]: ...

    async def subscribe(self, event: str, user_id: str, tag: str) -> None: ...

    async def unsubscribe(self, subscription_id: str) -> None: ...

    async def users(self, handles: Sequence[str]) -> dict[str, str]:
        """Return handle (in small letters) to user id, up to 100 at once; each is billed as a user. X knows no others."""
        ...

    async def search(self, query: str, span: Span, most: int, page: str | None) -> dict[str, Any]:
        """Return a page of posts of the last seven days, newest first, `most` (10 to 100) at a time."""
        ...

    async def timeline(self, user_id: str, span: Span, most: int, page: str | None) -> dict[str, Any]:
        """Return a page of an account's posts, newest first: the last 3,200 can be reached."""
        ...

    async def lookup(self, ids: Sequence[str]) -> dict[str, Any]:
        """Return a page of up to 100 posts by id; `errors` names those that are gone. Each post that is returned is billed."""
        ...

    async def usage(self) -> dict[str, Any]:
        """Return X's own count: `project_usage` of `project_cap` posts."""
        ...


OpenApi = Callable[[], AbstractAsyncContextManager[Api] | None]
