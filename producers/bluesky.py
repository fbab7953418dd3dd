"""Bluesky through Jetstream, in both wire forms: accounts, and the words of watches. No key.

Resume: the cursor of each host, and the time beside it for another host; a host looks back 36 hours, and what is older is a gap.
Updates are edits, deletes come as events, a deactivated account is said. Cost: none. What a rewind brings twice is passed over.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
import structlog

from app.db.posts import kept
from app.domain.posts import quarantine
from app.domain.text import read_text
from app.errors import Reason, Unavailable
from producers.bluesky_payloads import Event, cursor_at, fields_of, read_event
from producers.intake import Intake, Received
from producers.jetstream import PONG, CursorRefused, Frames, address_of, connected, resolve_handle
from producers.port import Lost, Refused, Setup

HOSTS = ("jetstream2.us-east.bsky.network", "jetstream1.us-west.bsky.network")
API_URL = "https://public.api.bsky.app"
LOOK_BACK = timedelta(hours=36)
REWIND = timedelta(seconds=5)  # on the same host: events of one instant may come in another order
REWIND_ELSEWHERE = timedelta(seconds=60)  # on another host, whose clock is another
IDLE_S = 10.0  # without a frame: then a ping
SILENCE_S = 20.0  # without an answer to it: the line is dead
LATENCY = timedelta(seconds=5)  # from the author to Jetstream
MOST_DIDS = 150  # in an address; beyond them the whole stream of posts is read and sifted here
STALE = timedelta(minutes=10)  # a place so far behind what is complete: the time is the better cursor
REMEMBERED = 20_000  # events, so that a rewind does not bring them twice
RECALLED = timedelta(days=30)  # how old a post of others may be whose deletion is still looked out for after a restart
WORDS = "bluesky:words"

log = structlog.get_logger(__name__)


class Place(msgspec.Struct, frozen=True):
    """Where we stand on a host."""

    cursor: int
    at: datetime


class BlueskyProducer:
    """See `producers.port.Producer`."""

    name = "bluesky"

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        hosts = setup.section.get("hosts")
        chosen = [str(source.options["host"]) for source in setup.sources if source.options.get("host")]
        self._hosts = list(dict.fromkeys([*chosen, *(hosts if isinstance(hosts, list | tuple) else ())])) or list(HOSTS)
        self._words = setup.words if setup.section.get("words") else frozenset()
        self._dids = {str(s.options["did"]): s.id for s in setup.sources if s.options.get("did")}
        self._dids |= {s.handle: s.id for s in setup.sources if s.handle.startswith("did:")}
        self._turn = 0
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._strangers: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._recalled = False

    @property
    def source_ids(self) -> frozenset[str]:
        return frozenset(source.id for source in self._setup.sources) | ({WORDS} if self._words else frozenset())

    async def read(self, intake: Intake) -> None:
        if not self.source_ids:
            raise Refused("nothing to look for: no source, and no watch that names a word")
        host = self._hosts[self._turn % len(self._hosts)]
        self._turn += 1  # the next attempt asks the next host, unless this one worked
        await self._find_dids(intake)
        await self._recall_strangers(intake.clock.now())
        covered = [*self._dids.values(), *([WORDS] if self._words else [])]
        places = msgspec.json.decode(await intake.token("places") or b"{}", type=dict[str, Place])
        since = _since(places, [at for source in covered if (at := intake.coverage.until(source))], intake.clock.now())
        if self._setup.trial:
            since = intake.clock.now() - LOOK_BACK
        try:
            async with connected(self._url(host, places, since), intake.clock) as frames:
                self._turn -= 1
                begins = since or intake.clock.now() - LATENCY
                await intake.begin(covered, begins, "away for longer than Jetstream looks back")
                await intake.report(covered, "live", host)
                await self._read_frames(host, places, frames, intake)
        except CursorRefused:
            places.pop(host, None)  # the time serves instead
            await intake.take([], {"places": msgspec.json.encode(places)})
            raise

    async def _recall_strangers(self, now: datetime) -> None:
        """Take up whose posts of others we hold, once: their edits and deletions come in the stream and hold none of our words."""
        if self._recalled or not self._words or self._setup.database is None:
            return
        with suppress(Unavailable):
            async with self._setup.database.read() as session:
                held = await kept(session, self.name, now - RECALLED)
            for post in reversed(held[:REMEMBERED]):
                did, _, record = post.id.removeprefix("bluesky:at://").partition("/")
                _remember(self._strangers, (did, record.rpartition("/")[2]))
            self._recalled = True

    async def _find_dids(self, intake: Intake) -> None:
        """Ask for the did of each handle that is not known; what was found is kept."""
        known = msgspec.json.decode(await intake.token("dids") or b"{}", type=dict[str, str])
        base = str(self._setup.section.get("api_url") or API_URL)
        found: dict[str, str] = {}
        by_id = set(self._dids.values())
        for source in self._setup.sources:
            if source.id in by_id:
                continue
            did = known.get(source.handle) or await resolve_handle(base, source.handle, intake.clock)
            if did is None:
                await intake.report([source.id], "refused", "no account has this handle")
                continue
            found[source.handle] = did
            self._dids[did] = source.id
        if found.keys() - known.keys():
            await intake.take([], {"dids": msgspec.json.encode(known | found)})

    def _url(self, host: str, places: Mapping[str, Place], since: datetime | None) -> str:
        """Return the address to listen at, with filters, and a cursor where we have been before."""
        base, first_form = address_of(host)
        filtered = [] if self._words or len(self._dids) > MOST_DIDS else sorted(self._dids)
        names = ("wantedCollections", "wantedDids") if first_form else ("collections", "dids")
        query = [(names[0], "app.bsky.feed.post"), *((names[1], did) for did in filtered)]
        place = places.get(host)
        if since is not None and place is not None and since - place.at < STALE:
            own = place.cursor - REWIND // timedelta(microseconds=1) if first_form else place.cursor
            query.append(("cursor", str(own)))
        elif since is not None:
            query.append(("cursor", str(cursor_at(since - REWIND_ELSEWHERE))))
        return f"{base}?{urlencode(query)}"

    async def _read_frames(self, host: str, places: dict[str, Place], frames: Frames, intake: Intake) -> None:
        """Take in what comes. Where nothing does, the answer to a ping says that there was nothing."""
        covered = [*self._dids.values(), *([WORDS] if self._words else [])]
        asked: datetime | None = None
        while True:
            batch = await frames.batch(IDLE_S if asked is None else SILENCE_S)
            if batch is None:
                if asked is not None:
                    raise Lost(f"silent for {IDLE_S + SILENCE_S:g} s")
                asked = intake.clock.now()
                await frames.ping()
                continue
            place = await self._take(batch, host, places, intake)
            if place is not None:
                intake.coverage.complete(covered, place.at)
            if asked is not None and PONG in batch:
                intake.coverage.complete(covered, asked - LATENCY)
            asked = None

    async def _take(self, batch: Sequence[bytes], host: str, places: dict[str, Place], intake: Intake) -> Place | None:
        """Take in what is wanted of a batch, with the place after it."""
        received: list[Received] = []
        place: Place | None = None
        for raw in batch:
            event = read_event(raw)
            if event is None:
                if raw != PONG:
                    received.append(Received("bluesky:unknown", quarantine(raw, Reason.BAD_JSON, "no frame"), raw))
                continue
            await self._heed(event, intake)
            if event.cursor is not None and event.at is not None:
                place = Place(event.cursor, event.at)
            if (one := self._wanted(event, raw)) is not None:
                received.append(one)
        if place is not None:
            places[host] = place
        if received or place is not None:
            await intake.take(received, {"places": msgspec.json.encode(places)})
        return place

    async def _heed(self, event: Event, intake: Intake) -> None:
        if event.operation == "error":
            raise Lost(f"Jetstream: {event.record.get('error')} {event.record.get('message', '')}".strip())
        if event.operation == "info":
            log.info("Jetstream says", info=str(event.record.get("name") or event.record.get("message")))
        if event.operation == "account" and event.did in self._dids:
            active = event.record.get("active", True)
            said = "" if active else f"the account is {event.record.get('status') or 'not active'}"
            await intake.report([self._dids[event.did]], "live" if active else "stopped", said)

    def _wanted(self, event: Event, raw: bytes) -> Received | None:
        if event.operation not in {"create", "update", "delete"}:
            return None
        source = self._dids.get(event.did)
        if source is None and not self._named(event):
            return None
        if not _remember(self._seen, (event.did, event.rkey, event.cid or event.operation)):
            return None
        if source is None:
            _remember(self._strangers, (event.did, event.rkey))
        author = source.partition(":")[2] if source else event.did
        return Received(source or f"bluesky:{event.did}", fields_of(event, author), raw)

    def _named(self, event: Event) -> bool:
        """Say whether a stranger's post holds a word of a watch, or is an edit or deletion of one that did."""
        if not self._words or (event.did, event.rkey) in self._strangers:
            return bool(self._words)
        text = event.record.get("text")
        if not isinstance(text, str):
            return False
        read = read_text(text)
        return any(token.norm in self._words for token in read.tokens) or any(
            tag.norm in self._words for tag in read.hashtags
        )


def _remember(known: OrderedDict[tuple[str, ...], None], key: tuple[str, ...]) -> bool:
    """Add a key; say whether it was new. The oldest is forgotten beyond REMEMBERED."""
    if key in known:
        return False
    known[key] = None
    if len(known) > REMEMBERED:
        known.popitem(last=False)
    return True


def _since(places: Mapping[str, Place], covered: Sequence[datetime], now: datetime) -> datetime | None:
    """Return from when to read on: where all sources are complete up to, but no earlier than a host looks back; None at the first time."""
    reached = [place.at for place in places.values()] + ([min(covered)] if covered else [])
    return max(*reached, now - LOOK_BACK) if reached else None


def make(setup: Setup) -> BlueskyProducer:
    return BlueskyProducer(setup)
