"""A fake of X's API v2 on loopback: filtered and activity stream, rules, searches, timelines, users, usage; faults on command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

from app.clock import Clock
from tests.simulator.web import LoopbackServer

KEEP_ALIVE_S = 10.0
FIRST_ID = 1_900_000_000_000_000_000


@dataclass
class FakePost:
    """A post as the fake holds it: `json` is the object of API v2."""

    handle: str
    at: datetime
    json: dict[str, Any]
    deleted: bool = False
    protected: bool = False


@dataclass
class FakeX(LoopbackServer):
    """`refuse` answers every request with that status; `silent` keeps streams open without a byte. `connects` are times of the clock, by stream."""

    clock: Clock
    token: str = "canary-bearer-token"
    posts: list[FakePost] = field(default_factory=list)
    rules: dict[str, dict[str, str]] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    connects: dict[str, list[float]] = field(default_factory=lambda: {"posts": [], "events": []})
    requests: list[str] = field(default_factory=list)
    refuse: int | None = None
    refuse_html: bool = False
    bad_rules: frozenset[str] = frozenset()
    nobody: frozenset[str] = frozenset()  # handles (small letters) that no account has
    looked_up: list[list[str]] = field(default_factory=list)
    reset_in: int = 60

    def __post_init__(self) -> None:
        super().__init__()
        self._listeners: dict[str, list[asyncio.Queue[bytes | None]]] = {"posts": [], "events": []}
        self._users: dict[str, str] = {}
        self._next = 0

    @property
    def base_url(self) -> str:
        return f"http://{self.origin}"

    def user_id(self, handle: str) -> str:
        return self._users.setdefault(handle.lower(), str(100 + len(self._users)))

    # -- what happens on X -----------------------------------------------------------------------------------------

    def publish(self, handle: str, text: str, edit_of: str | None = None, **more: Any) -> str:
        """Write a post, or another version of one; it goes out on the streams that are connected, and can be found later."""
        self._next += 1
        native = str(FIRST_ID + self._next)
        data = {
            "id": native,
            "text": text,
            "author_id": self.user_id(handle),
            "created_at": self.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "lang": "en",
            "edit_history_tweet_ids": [*([edit_of] if edit_of else []), native],
        } | more
        post = FakePost(handle, self.clock.now(), data)
        self.posts.append(post)
        matching = [rule for rule in self.rules.values() if self._matches(rule["value"], post)]
        if matching:
            told = [{"id": rule["id"], "tag": rule["tag"]} for rule in matching]
            self.send("posts", {"data": data, "includes": self._includes([post]), "matching_rules": told})
        self._tell(handle, "post.create", data)
        return native

    def delete(self, native: str) -> None:
        post = next(one for one in self.posts if one.json["id"] == native)
        post.deleted = True
        self._tell(post.handle, "post.delete", {"id": native, "author_id": self.user_id(post.handle)})

    def send(self, stream: str, message: Any) -> None:
        """Put a line on a stream: an object, or bytes as they are."""
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        for queue in self._listeners[stream]:
            queue.put_nowait(raw + b"\r\n" if not isinstance(message, bytes) else raw)

    def close_streams(self) -> None:
        """End every stream in the clean way: 200, then the end."""
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(None)

    def connected(self, stream: str) -> int:
        return len(self._listeners[stream])

    @contextmanager
    def answering(self, status: int, *, html: bool = False) -> Iterator[None]:
        """Answer every request with an error, and end the streams, while the block lasts."""
        self.refuse, self.refuse_html = status, html
        self.cut()
        try:
            yield
        finally:
            self.refuse = None

    # -- the API ---------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.requests.append(f"{request.method} {path}")
        streams = {"/2/tweets/search/stream": "posts", "/2/activity/stream": "events"}
        if path in streams:
            self.connects[streams[path]].append(self.clock.monotonic())
        if self.refuse is not None:
            return self._refusal(self.refuse)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._refusal(401)
        if path in streams:
            return await self._stream(request, streams[path])
        match request.method, path.removeprefix("/2/").split("/"):
            case "GET", ["tweets", "search", "stream", "rules"]:
                return self._page(request, list(self.rules.values()))
            case "POST", ["tweets", "search", "stream", "rules"]:
                return self._change_rules(await request.json(), dry="dry_run" in request.query)
            case "GET", ["tweets", "search", "recent"]:
                return self._found(request, [p for p in self.posts if self._matches(request.query["query"], p)])
            case "GET", ["users", "by"]:
                wanted = [name for name in request.query["usernames"].split(",") if name.lower() not in self.nobody]
                return web.json_response({"data": [{"id": self.user_id(name), "username": name} for name in wanted]})
            case "GET", ["tweets"]:
                return self._by_id(request.query["ids"].split(","))
            case "GET", ["users", user_id, "tweets"]:
                return self._found(request, [p for p in self.posts if p.json["author_id"] == user_id])
            case "GET", ["usage", "tweets"]:
                return web.json_response({"data": {"project_usage": str(len(self.posts)), "project_cap": "1000000"}})
            case "GET", ["activity", "subscriptions"]:
                return self._page(request, list(self.subscriptions.values()))
            case "POST", ["activity", "subscriptions"]:
                self._next += 1
                wanted = {"subscription_id": f"s{self._next}"} | await request.json()
                self.subscriptions[wanted["subscription_id"]] = wanted
                return web.json_response({"data": wanted})
            case "DELETE", ["activity", "subscriptions", subscription_id]:
                self.subscriptions.pop(subscription_id)
                return web.json_response({"data": {"deleted": True}})
        return web.json_response({"title": "Not Found"}, status=404)

    def _refusal(self, status: int) -> web.Response:
        headers = (
            {"x-rate-limit-reset": str(int(self.clock.now().timestamp()) + self.reset_in)} if status == 429 else {}
        )
        if self.refuse_html:
            return web.Response(
                text="<html>over capacity</html>", status=status, content_type="text/html", headers=headers
            )
        return web.json_response({"title": "refused", "detail": f"you get {status}"}, status=status, headers=headers)

    async def _stream(self, request: web.Request, name: str) -> web.StreamResponse:
        await self.streaming()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners[name].append(queue)
        try:
            while True:
                try:
                    async with self.clock.timeout(KEEP_ALIVE_S):
                        line = await queue.get()
                except TimeoutError:
                    line = b"\r\n"
                await self.spoken()
                if line is None:
                    return response
                await response.write(line)
        finally:
            self._listeners[name].remove(queue)

    def _page(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        del request
        return web.json_response({"data": found, "meta": {"result_count": len(found)}})

    def _found(self, request: web.Request, found: list[FakePost]) -> web.Response:
        start, end = (datetime.fromisoformat(request.query[name]) for name in ("start_time", "end_time"))
        assert (self.clock.now() - end).total_seconds() >= 10, "X refuses an end less than 10 s ago"
        most = int(request.query["max_results"])
        assert 10 <= most <= 100
        token = request.query.get("next_token") or request.query.get("pagination_token") or "0"
        inside = [p for p in reversed(found) if start <= p.at < end and not p.deleted]
        part = inside[int(token) : int(token) + most]
        meta: dict[str, Any] = {"result_count": len(part)}
        if int(token) + most < len(inside):
            meta["next_token"] = str(int(token) + most)
        return web.json_response({"data": [p.json for p in part], "includes": self._includes(part), "meta": meta})

    def _by_id(self, ids: list[str]) -> web.Response:
        assert len(ids) <= 100
        self.looked_up.append(ids)
        found = [post for post in self.posts if post.json["id"] in ids and not post.deleted and not post.protected]
        errors = []
        for native in sorted(set(ids) - {post.json["id"] for post in found}):
            hidden = any(post.json["id"] == native and post.protected for post in self.posts)
            kind = "not-authorized-for-resource" if hidden else "resource-not-found"
            told = {"resource_type": "tweet", "parameter": "ids", "resource_id": native, "value": native}
            errors.append(told | {"type": f"https://api.twitter.com/2/problems/{kind}"})
        body = {"data": [post.json for post in found], "includes": self._includes(found), "errors": errors}
        return web.json_response({key: value for key, value in body.items() if value})

    def _change_rules(self, body: dict[str, Any], *, dry: bool) -> web.Response:
        errors = []
        created = []
        for rule in body.get("add", []):
            if rule["value"] in self.bad_rules:
                errors.append(
                    {"value": rule["value"], "title": "UnprocessableEntity", "details": ["no viable alternative"]}
                )
            elif any(one["value"] == rule["value"] for one in self.rules.values()):
                errors.append({"value": rule["value"], "title": "DuplicateRule", "id": "1"})
            else:
                self._next += 1
                created.append({"id": str(self._next), **rule})
        if not dry:
            self.rules |= {rule["id"]: rule for rule in created}
            for rule_id in body.get("delete", {}).get("ids", []):
                self.rules.pop(rule_id)
        summary = {"created": len(created), "not_created": len(errors), "invalid": len(errors)}
        return web.json_response({"data": created, "errors": errors, "meta": {"summary": summary}})

    def _includes(self, posts: list[FakePost]) -> dict[str, Any]:
        handles = dict.fromkeys(post.handle for post in posts)
        return {"users": [{"id": self.user_id(name), "username": name, "name": name.title()} for name in handles]}

    def _matches(self, rule: str, post: FakePost) -> bool:
        terms = [term.strip("() ") for term in rule.split(" OR ")]
        return any(
            term.removeprefix("from:").lower() == post.handle.lower()
            if term.startswith("from:")
            else term.lower() in post.json["text"].lower()
            for term in terms
        )

    def _tell(self, handle: str, event: str, payload: dict[str, Any]) -> None:
        user_id = self.user_id(handle)
        for one in self.subscriptions.values():
            if one["event_type"] == event and one["filter"]["user_id"] == user_id:
                filled = {"event_uuid": "-27811", "event_type": event, "filter": one["filter"], "tag": one["tag"]}
                self.send("events", {"data": filled | {"payload": payload, "includes": {}}})


@asynccontextmanager
async def fake_x(clock: Clock) -> AsyncIterator[FakeX]:
    server = FakeX(clock)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
