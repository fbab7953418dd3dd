"""Public Telegram channels through Telethon (the extra `telegram`): posts, edits and deletions as events.

Resume: the last message id of each channel; what came while no connection stood is fetched from the channel's history. The session
string is a full account: it comes from a variable and is never written. One process may use it. Cost: none; a flood wait is honoured.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from app.domain.config import SourceConfig
from producers.intake import Intake, Received
from producers.port import Lost, Refused, Setup

LOOK_EVERY_S = 15.0  # whether the connection still stands
LATENCY = timedelta(seconds=10)
MOST_OLD = 1_000  # messages of a channel that are fetched after an outage
FIRST_OLD = 20  # and when it is read for the first time
BATCH = 100
REFUSALS = ("AuthKey", "Session", "UserDeactivated", "ApiId")  # Telethon's names for "this account may not"


class Client(Protocol):
    """What we ask of Telethon's client."""

    async def get_entity(self, channel: str) -> Any: ...

    def iter_messages(self, entity: Any, **options: Any) -> AsyncIterator[Any]: ...

    def add_event_handler(self, callback: Callable[[Any], Awaitable[None]], event: Any) -> None: ...

    def is_connected(self) -> bool: ...


class Library(Protocol):
    """Telethon as it is needed here: a connected client, the event types, and the marked id of an entity."""

    def connected(self) -> AbstractAsyncContextManager[Client]: ...

    def event_types(self) -> Mapping[str, Any]: ...

    def peer_id(self, entity: Any) -> int: ...


class TelegramProducer:
    """See `producers.port.Producer`. `library` is None where the extra is not installed or a secret is missing: `why` says which."""

    name = "telegram"

    def __init__(self, setup: Setup, library: Library | None, why: str = "") -> None:
        self._setup = setup
        self._library = library
        self._why = why

    @property
    def source_ids(self) -> frozenset[str]:
        return frozenset(source.id for source in self._setup.sources)

    async def read(self, intake: Intake) -> None:
        if self._library is None:
            raise Refused(self._why)
        try:
            async with self._library.connected() as client:
                await self._listen(client, self._library, intake)
        except (Lost, Refused):
            raise
        except Exception as error:  # noqa: BLE001 - named or raised on
            raise _named(error) from None

    async def _listen(self, client: Client, library: Library, intake: Intake) -> None:
        channels = await self._channels(client, library, intake)
        queue: asyncio.Queue[Received] = asyncio.Queue()
        for received_by, event in self._handlers(channels, intake, queue, library):
            client.add_event_handler(received_by, event)
        known = [source.id for source in channels.values()]
        for peer, source in channels.items():
            await self._catch_up(client, peer, source, intake)
        await intake.report(known, "live")
        while client.is_connected():
            batch = await _batch(queue, intake)
            if batch:
                await intake.take(batch, _tokens(batch))
            intake.coverage.complete(known, intake.clock.now() - LATENCY)
        raise Lost("the connection to Telegram ended")

    async def _channels(self, client: Client, library: Library, intake: Intake) -> dict[int, SourceConfig]:
        """Return the sources by the id under which their events come; one that does not exist is said."""
        found: dict[int, SourceConfig] = {}
        for source in self._setup.sources:
            try:
                found[library.peer_id(await client.get_entity(channel_of(source)))] = source
            except ValueError:
                await intake.report([source.id], "refused", "there is no such channel")
        return found

    async def _catch_up(self, client: Client, peer: int, source: SourceConfig, intake: Intake) -> None:
        """Fetch what the channel wrote since the last message that we had, oldest first."""
        last = int(await intake.token(source.id) or 0)
        gaps = await intake.begin([source.id], intake.clock.now(), "Telegram was not connected")
        options = {"min_id": last, "reverse": True, "limit": MOST_OLD} if last else {"limit": FIRST_OLD}
        received = [
            _received(source, message, gapfill=bool(last)) async for message in client.iter_messages(peer, **options)
        ]
        received.sort(key=_number)
        for first in range(0, len(received), BATCH):
            part = received[first : first + BATCH]
            await intake.take(part, _tokens(part))
        if len(received) < MOST_OLD:
            await intake.fill(gaps)

    def _handlers(
        self, channels: Mapping[int, SourceConfig], intake: Intake, queue: asyncio.Queue[Received], library: Library
    ) -> Iterable[tuple[Callable[[Any], Awaitable[None]], Any]]:
        """Give what Telethon calls for each event; they only put into the queue, so its loop is never held up."""
        types = library.event_types()

        async def written(event: Any) -> None:
            if (source := channels.get(event.chat_id)) is not None:
                queue.put_nowait(_received(source, event.message))

        async def deleted(event: Any) -> None:
            if (source := channels.get(event.chat_id)) is not None:
                for number in event.deleted_ids:
                    queue.put_nowait(_deleted(source, number, intake.clock.now().isoformat()))

        return [(written, types["new"]), (written, types["edited"]), (deleted, types["deleted"])]


def channel_of(source: SourceConfig) -> str:
    return str(source.options.get("channel") or source.handle).removeprefix("@")


def _received(source: SourceConfig, message: Any, *, gapfill: bool = False) -> Received:
    edited = getattr(message, "edit_date", None)
    at = edited or message.date
    media = getattr(message, "photo", None) or getattr(message, "document", None)
    fields = {
        "id": f"telegram:{source.handle}/{message.id}",
        "platform": "telegram",
        "author": source.handle,
        "created_at": at.isoformat() if at else None,
        "text": message.message or "",
        "type": "edit" if edited else "post",
        "lang": source.options.get("language"),
        "url": f"https://t.me/{channel_of(source)}/{message.id}",
        "reply_to": _reply(source, message),
        "media": [str(media.id)] if media is not None and getattr(media, "id", None) else None,
    }
    return Received(source.id, fields, msgspec.json.encode(fields), gapfill=gapfill)


def _reply(source: SourceConfig, message: Any) -> str | None:
    number = getattr(getattr(message, "reply_to", None), "reply_to_msg_id", None)
    return f"telegram:{source.handle}/{number}" if number else None


def _deleted(source: SourceConfig, number: int, at: str) -> Received:
    fields = {
        "id": f"telegram:{source.handle}/{number}",
        "platform": "telegram",
        "author": source.handle,
        "created_at": at,
        "type": "delete",
    }
    return Received(source.id, fields, msgspec.json.encode(fields))


def _number(received: Received) -> int:
    content = received.content
    return int(str(content["id"]).rpartition("/")[2]) if isinstance(content, Mapping) else 0


def _tokens(batch: Iterable[Received]) -> dict[str, bytes]:
    """Return the last message id of each channel in the batch; deletions and edits name older ones."""
    last: dict[str, int] = {}
    for one in batch:
        if isinstance(one.content, Mapping) and one.content["type"] == "post":
            last[one.source] = max(last.get(one.source, 0), _number(one))
    return {source: str(number).encode() for source, number in last.items()}


async def _batch(queue: asyncio.Queue[Received], intake: Intake) -> list[Received]:
    try:
        async with intake.clock.timeout(LOOK_EVERY_S):
            batch = [await queue.get()]
    except TimeoutError:
        return []
    while len(batch) < BATCH and not queue.empty():
        batch.append(queue.get_nowait())
    return batch


def _named(error: Exception) -> Exception:
    """Name Telethon's errors: which of them a pause mends, and which only the operator."""
    name = type(error).__name__
    seconds = getattr(error, "seconds", None)
    if isinstance(seconds, int):
        return Lost(f"Telegram asks us to wait {seconds} s", retry_after=float(seconds))
    if name.startswith(REFUSALS):
        return Refused(f"Telegram refuses the session: {name}")
    if isinstance(error, OSError | asyncio.IncompleteReadError) or name.startswith(("RPC", "Server", "Timed")):
        return Lost(f"{name}: {error}"[:200])
    return error


class _Telethon:
    """The library itself, with the operator's own api id and session."""

    def __init__(self, api_id: int, api_hash: str, session: str) -> None:
        self._telethon = importlib.import_module("telethon")
        self._sessions = importlib.import_module("telethon.sessions")
        self._secrets = (api_id, api_hash, session)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Client]:
        api_id, api_hash, session = self._secrets
        store = self._sessions.StringSession(session)
        client = self._telethon.TelegramClient(store, api_id, api_hash, auto_reconnect=False, flood_sleep_threshold=0)
        await client.connect()
        try:
            if not await client.is_user_authorized():
                raise Refused("the Telegram session is not logged in: make a new one")
            yield client
        finally:
            await client.disconnect()

    def event_types(self) -> Mapping[str, Any]:
        events = self._telethon.events
        return {"new": events.NewMessage(), "edited": events.MessageEdited(), "deleted": events.MessageDeleted()}

    def peer_id(self, entity: Any) -> int:
        return int(self._telethon.utils.get_peer_id(entity))


def make(setup: Setup) -> TelegramProducer:
    names = {key: str(setup.section.get(key) or "") for key in _VARIABLES}
    if unnamed := [key for key, name in names.items() if not name]:
        return TelegramProducer(setup, None, f"write {', '.join(unnamed)} under [telegram] in watchdesk.toml")
    values = {key: setup.secret(name) for key, name in names.items()}
    if missing := [names[key] for key, value in values.items() if not value]:
        return TelegramProducer(setup, None, f"not set: {', '.join(missing)}")
    try:
        api_id = int(values["api_id_env"] or "")
        return TelegramProducer(setup, _Telethon(api_id, values["api_hash_env"] or "", values["session_env"] or ""))
    except ImportError:
        return TelegramProducer(setup, None, "Telethon is not installed: pip install 'watchdesk[telegram]'")
    except ValueError:
        return TelegramProducer(setup, None, f"{names['api_id_env']} is no number")


_VARIABLES = ("api_id_env", "api_hash_env", "session_env")
