"""The X API through tweepy, made fit for a service: one connection a call, every failure named, our own base URL, no secrets in logs.

tweepy's own stream loop reconnects thousands of times a second after a clean close, ends without a word on one bad line and
swallows cancellation, so only its parameters, rules and pages are used here; who reads the stream stands in `producers.x_reader`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from tweepy import StreamRule
from tweepy.asynchronous import AsyncClient, AsyncStreamingClient
from yarl import URL

from app.clock import Clock
from app.errors import SettingsError
from producers.lines import ByteLines
from producers.port import Refused, Setup
from producers.x_payloads import EXPANSIONS, TWEET_FIELDS, USER_FIELDS
from producers.x_port import Span, XTrouble
from producers.x_reader import XProducer

BASE_URL = "https://api.x.com"
SILENCE_S = 22.0  # X sends a line end at least every 20 s
CONNECT_S = 15.0
REQUEST_S = 30.0
FIELDS = {"tweet_fields": TWEET_FIELDS, "expansions": EXPANSIONS, "user_fields": USER_FIELDS}
STREAM_PARAMS = {"tweet.fields": TWEET_FIELDS, "expansions": EXPANSIONS, "user.fields": USER_FIELDS}
MAX_BODY = 16 * 1024 * 1024
MAX_PROBLEM = 64 * 1024


class _Reply:
    """What tweepy wants of a response."""

    def __init__(self, body: Any) -> None:
        self._body = body

    async def json(self) -> Any:
        return self._body


class _Transport:
    """Replaces tweepy's `request`: it has no base URL, logs the token at debug, and raises on an error page in HTML."""

    def prepare(self, base_url: str, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.base_url = base_url
        self.own_session = session
        self.clock = clock

    async def request(
        self, method: str, route: str, params: Any = None, json: Any = None, user_auth: bool = False
    ) -> _Reply:
        del user_auth
        headers = {"Authorization": f"Bearer {self.bearer_token}"}  # type: ignore[attr-defined]
        try:
            async with (
                self.clock.timeout(REQUEST_S),
                self.own_session.request(
                    method, self.base_url + route, params=params, json=json, headers=headers, allow_redirects=False
                ) as response,
            ):
                body = await response.content.read(MAX_BODY)
                while not response.content.at_eof() and len(body) < MAX_BODY:
                    body += await response.content.read(MAX_BODY - len(body))
        except TimeoutError:
            raise XTrouble("network", f"no answer within {REQUEST_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise XTrouble("network", _words(error)) from None
        if not 200 <= response.status < 300:
            raise _named(response.status, response.headers, body, self.clock)
        try:
            return _Reply(msgspec.json.decode(body or b"{}"))
        except (ValueError, RecursionError):
            raise XTrouble("http", f"{response.status} with a body that is no JSON") from None


class _Pages(_Transport, AsyncClient):  # type: ignore[misc]
    """Timelines, searches, users, usage."""


class _Stream(_Transport, AsyncStreamingClient):  # type: ignore[misc]
    """Rules, and the two streams: one connection a call, none of tweepy's loop."""

    async def listen(self, route: str, params: Mapping[str, str]) -> AsyncGenerator[list[bytes], None]:
        """Connect; yield [] once connected, then the lines of each chunk (empty ones are keep-alives). Ends by raising only."""
        lines = ByteLines()
        response = await self._connected(route, params)
        try:
            yield []
            while chunk := await self._chunk(response):
                yield lines.feed(chunk)
        except (aiohttp.ClientError, OSError) as error:
            raise XTrouble("network", _words(error)) from None
        finally:
            response.close()
        if rest := lines.rest():
            yield [rest]
        raise XTrouble("closed", "X closed the stream")

    async def _connected(self, route: str, params: Mapping[str, str]) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bearer {self.bearer_token}"}
        url = self.base_url + route
        try:
            async with self.clock.timeout(CONNECT_S):
                response = await self.own_session.get(url, params=params, headers=headers, allow_redirects=False)
                if response.status == 200:
                    return response
                async with response:
                    body = await response.content.read(MAX_PROBLEM)
        except TimeoutError:
            raise XTrouble("network", f"no answer within {CONNECT_S:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise XTrouble("network", _words(error)) from None
        raise _named(response.status, response.headers, body, self.clock)

    async def _chunk(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            async with self.clock.timeout(SILENCE_S):
                return await response.content.readany()
        except TimeoutError:
            raise XTrouble("network", f"silent for {SILENCE_S:g} s") from None


class XApi:
    """What `producers.x_reader` asks of X. All return plain JSON; raise XTrouble or Refused."""

    def __init__(self, token: str, base_url: str, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._pages = _Pages(token, return_type=dict)
        self._stream = _Stream(token, return_type=dict)
        for client in (self._pages, self._stream):
            client.prepare(base_url, session, clock)

    def posts(self) -> AsyncGenerator[list[bytes], None]:
        """Listen to the filtered stream."""
        return self._stream.listen("/2/tweets/search/stream", STREAM_PARAMS)

    def events(self) -> AsyncGenerator[list[bytes], None]:
        """Listen to the activity stream."""
        return self._stream.listen("/2/activity/stream", {})

    async def rules(self) -> list[dict[str, Any]]:
        return await self._all("/2/tweets/search/stream/rules", 1000)

    async def add_rules(self, rules: Mapping[str, str], *, dry_run: bool) -> dict[str, Any]:
        """Add tag to value; X's reply tells which were not created. `dry_run` only checks them."""
        wanted = [StreamRule(value=value, tag=tag) for tag, value in rules.items()]
        params = {"dry_run": "true"} if dry_run else {}  # tweepy hands a bool on, which aiohttp refuses
        reply: dict[str, Any] = await self._stream.add_rules(wanted, **params)
        return reply

    async def delete_rules(self, ids: Sequence[str]) -> None:
        await self._stream.delete_rules(list(ids))

    async def subscriptions(self) -> list[dict[str, Any]]:
        return await self._all("/2/activity/subscriptions", 1000)

    async def subscribe(self, event: str, user_id: str, tag: str) -> None:
        body = {"event_type": event, "filter": {"user_id": user_id}, "tag": tag}
        await self._pages.request("POST", "/2/activity/subscriptions", json=body)

    async def unsubscribe(self, subscription_id: str) -> None:
        await self._pages.request("DELETE", f"/2/activity/subscriptions/{subscription_id}")

    async def users(self, handles: Sequence[str]) -> dict[str, str]:
        """Return handle (in small letters) to user id, up to 100 at once; each is billed as a user."""
        page = await self._pages.get_users(usernames=list(handles))
        return {str(user["username"]).lower(): str(user["id"]) for user in page.get("data") or []}

    async def search(self, query: str, span: Span, most: int, page: str | None) -> dict[str, Any]:
        """Return one page of posts of the last seven days, newest first, `most` (10 to 100) at a time."""
        found: dict[str, Any] = await self._pages.search_recent_tweets(
            query, start_time=span.start, end_time=span.end, max_results=most, next_token=page, **FIELDS
        )
        return found

    async def timeline(self, user_id: str, span: Span, most: int, page: str | None) -> dict[str, Any]:
        """Return one page of an account's posts, newest first: the last 3,200 can be reached."""
        found: dict[str, Any] = await self._pages.get_users_tweets(
            user_id, start_time=span.start, end_time=span.end, max_results=most, pagination_token=page, **FIELDS
        )
        return found

    async def lookup(self, ids: Sequence[str]) -> dict[str, Any]:
        """Return up to 100 posts by id; those that are gone stand in `errors`, each with why."""
        found: dict[str, Any] = await self._pages.get_tweets(list(ids), **FIELDS)
        return found

    async def usage(self) -> dict[str, Any]:
        """Return X's own count: `project_usage` of `project_cap` posts."""
        reply = await self._pages.request("GET", "/2/usage/tweets")
        found: dict[str, Any] = (await reply.json()).get("data") or {}
        return found

    async def _all(self, route: str, most: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token: str | None = None
        for _ in range(100):
            params = {"max_results": str(most)} | ({"pagination_token": token} if token else {})
            reply = await (await self._pages.request("GET", route, params=params)).json()
            found += [one for one in reply.get("data") or [] if isinstance(one, dict)]
            token = (reply.get("meta") or {}).get("next_token")
            if not token:
                break
        return found


@asynccontextmanager
async def open_api(token: str, base_url: str, clock: Clock) -> AsyncIterator[XApi]:
    """Open the API. The session has no deadlines of its own: the clock's count. No proxies from the environment."""
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"User-Agent": "watchdesk/0.1 (newsroom monitoring)"}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield XApi(token, base_url, session, clock)


def make(setup: Setup) -> XProducer:
    base_url = checked_base_url(str(setup.section.get("base_url") or BASE_URL))
    variable = str(setup.section.get("bearer_token_env") or "")
    token = setup.secret(variable) if variable else None
    missing = f"{variable} is not set" if variable else 'write [x] bearer_token_env = "NAME" in watchdesk.toml'
    return XProducer(setup, lambda: open_api(token, base_url, setup.clock) if token else None, f"no token: {missing}")


def checked_base_url(base_url: str) -> str:
    """Return the URL without a slash at its end; the token goes there, so it must be https, or this machine."""
    try:
        url = URL(base_url)
    except ValueError as error:
        raise SettingsError(f"[x] base_url: {error}") from None
    if url.scheme != "https" and not (url.scheme == "http" and url.host in {"127.0.0.1", "localhost", "::1"}):
        raise SettingsError("[x] base_url must begin with https://: the token is sent there")
    return base_url.rstrip("/")


def _named(status: int, headers: Mapping[str, str], body: bytes, clock: Clock) -> Exception:
    """Name an HTTP error. Its body may be a page in HTML, or problem JSON whose `detail` or `title` is worth showing."""
    said = _problem(body)
    match status:
        case 401:
            return Refused("401: token refused")
        case 402:
            return Refused(f"402: out of credits{said}")
        case 403:
            return Refused(f"403: not allowed{said}")
        case 420 | 429:
            return XTrouble("limited", f"{status}: too many requests{said}", reset_in=_reset_in(headers, clock))
        case _:
            return XTrouble("http", f"{status}{said}")


def _problem(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    said = told.get("detail") or told.get("title") if isinstance(told, dict) else None
    return f": {said[:200]}" if isinstance(said, str) else ""


def _reset_in(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds until X's limit is lifted; it is told in wall time."""
    said = headers.get("x-rate-limit-reset", "")
    return max(0.0, int(said) - clock.now().timestamp()) if said.isdecimal() and len(said) < 12 else None


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200] if str(error) else type(error).__name__
