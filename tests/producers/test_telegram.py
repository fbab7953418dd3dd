"""Telethon's own events and messages, handed over as the library hands them over; its network is not part of these tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon import events
from telethon.errors import AuthKeyDuplicatedError, FloodWaitError
from telethon.tl import types
from telethon.utils import get_peer_id

from app.clock import ScaledClock
from app.messages import Gap, Item, PostType
from app.streams.sqlite_log import SqliteLog
from producers.telegram import Client, TelegramProducer, make
from tests.producers.playing import deleted, ids, open_gaps, playing, setup, source, states, until
from tests.producers.recording import of_type

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
CHANNEL = types.PeerChannel(77)


class Channel:
    """A channel as Telethon's client shows it: history, and events to those who listen."""

    def __init__(self, clock: ScaledClock) -> None:
        self.clock = clock
        self.messages: dict[int, types.Message] = {}
        self.handlers: list[tuple[Callable[[Any], Awaitable[None]], Any]] = []
        self.up = True
        self.error: Exception | None = None
        self.connects = 0

    async def write(self, number: int, text: str) -> None:
        self.messages[number] = types.Message(number, CHANNEL, date=self.clock.now(), message=text)
        await self._tell(events.NewMessage, events.NewMessage.Event(self.messages[number]))

    async def edit(self, number: int, text: str) -> None:
        message = self.messages[number]
        message.message, message.edit_date = text, self.clock.now()
        await self._tell(events.MessageEdited, events.MessageEdited.Event(message))

    async def delete(self, number: int) -> None:
        del self.messages[number]
        await self._tell(events.MessageDeleted, events.MessageDeleted.Event([number], CHANNEL))

    async def _tell(self, kind: Any, event: Any) -> None:
        for callback, wanted in self.handlers:
            if self.up and type(wanted) is kind:
                await callback(event)

    # -- what the producer asks of the library ---------------------------------------------------------------------

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        self.connects += 1
        if self.error is not None:
            raise self.error
        if not self.up:
            raise ConnectionError("no route")
        self.handlers = []
        yield self

    def event_types(self) -> Mapping[str, Any]:
        return {"new": events.NewMessage(), "edited": events.MessageEdited(), "deleted": events.MessageDeleted()}

    def peer_id(self, entity: Any) -> int:
        return int(get_peer_id(entity))

    async def get_entity(self, channel: str) -> Any:
        if channel != "ridge":
            raise ValueError(f'No user has "{channel}" as username')
        return CHANNEL

    async def iter_messages(self, entity: Any, **options: Any) -> AsyncIterator[Any]:
        assert entity == self.peer_id(CHANNEL)
        found = [one for number, one in sorted(self.messages.items()) if number > options.get("min_id", 0)]
        for message in (found if options.get("reverse") else found[::-1])[: options["limit"]]:
            yield message

    def add_event_handler(self, callback: Callable[[Any], Awaitable[None]], event: Any) -> None:
        self.handlers.append((callback, event))

    def is_connected(self) -> bool:
        return self.up


@pytest.fixture
def channel() -> Channel:
    return Channel(ScaledClock(300, START))


def reader(channel: Channel, *names: str) -> TelegramProducer:
    given = [source(f"telegram:{name}") for name in names or ("ridge",)]
    return TelegramProducer(setup(channel.clock, *given), channel)


async def listening(channel: Channel) -> None:
    async def ready() -> bool:
        return len(channel.handlers) == 3

    await until(ready)


async def has(log: SqliteLog, *numbers: int) -> None:
    async def all_there() -> bool:
        return {f"ridge/{number}" for number in numbers} <= await ids(log)

    await until(all_there)


async def test_posts_edits_and_deletions_come_as_events(channel: Channel, log: SqliteLog) -> None:
    async with playing(reader(channel), log, channel.clock):
        await listening(channel)
        await channel.write(5, "قصف على المدينة")
        await channel.edit(5, "قصف على المدينة والريف")
        await channel.delete(5)

        async def gone() -> bool:
            return await deleted(log) == {"ridge/5"}

        await until(gone)
    posts = [item.post for item in await of_type(log, Item) if item.post]
    assert [post.type for post in posts] == [PostType.POST, PostType.EDIT, PostType.DELETE]
    assert (posts[0].id, posts[0].source, posts[0].url) == (
        "telegram:ridge/5",
        "telegram:ridge",
        "https://t.me/ridge/5",
    )


async def test_what_was_written_during_an_outage_is_fetched_from_the_history(channel: Channel, log: SqliteLog) -> None:
    async with playing(reader(channel), log, channel.clock):
        await listening(channel)
        await channel.write(1, "before")
        await has(log, 1)
        await channel.clock.sleep(60)
        channel.up = False
        for number in range(2, 40):
            await channel.write(number, f"during {number}")
        await channel.clock.sleep(300)
        channel.up = True
        await has(log, *range(1, 40))

        async def closed() -> bool:
            return bool(await of_type(log, Gap)) and not await open_gaps(log)

        await until(closed)
    late = [item.post.id for item in await of_type(log, Item) if item.post and item.marks.gapfill]
    assert late == [f"telegram:ridge/{number}" for number in range(2, 40)]


async def test_a_restart_goes_on_after_the_last_message(channel: Channel, log: SqliteLog) -> None:
    for text in ("one", "two"):
        async with playing(reader(channel), log, channel.clock):
            await listening(channel)
            await channel.write(len(channel.messages) + 1, text)
            await has(log, len(channel.messages))
    assert len(await of_type(log, Item)) == 2


async def test_a_channel_that_does_not_exist_is_said_and_does_not_stop_the_others(
    channel: Channel, log: SqliteLog
) -> None:
    async with playing(reader(channel, "ridge", "nobody"), log, channel.clock):
        await listening(channel)
        await channel.write(1, "here")
        await has(log, 1)
    assert (await states(log, "telegram:nobody"))[-1] == "refused: there is no such channel"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FloodWaitError(None, 500), "connecting: Telegram asks us to wait 500 s"),
        (AuthKeyDuplicatedError(None), "refused: Telegram refuses the session: AuthKeyDuplicatedError"),
    ],
)
async def test_waits_and_refusals_are_honoured_and_said_once(
    channel: Channel, log: SqliteLog, error: Exception, said: str
) -> None:
    channel.error = error
    async with playing(reader(channel), log, channel.clock):
        await channel.clock.sleep(450)
        assert channel.connects == 1
    assert (await states(log, "telegram:ridge"))[-1] == said


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "refused: write api_id_env, api_hash_env, session_env under [telegram] in watchdesk.toml"),
        ({"api_id_env": "ID", "api_hash_env": "HASH", "session_env": "S"}, "refused: not set: ID, HASH, S"),
    ],
)
async def test_without_its_secrets_it_says_which_are_missing(
    log: SqliteLog, section: dict[str, str], said: str
) -> None:
    clock = ScaledClock(100, START)
    bare = replace(setup(clock, source("telegram:ridge"), **section), secret=lambda _: None)
    async with playing(make(bare), log, clock):

        async def told() -> bool:
            return len(await states(log, "telegram:ridge")) == 2

        await until(told)
    assert (await states(log, "telegram:ridge"))[-1] == said
