"""/v1/watches: standing rules, to write, to explain against one post, and to run over the past before they run live."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayRead, MayRule
from app.api.deps import Resources, Serving
from app.api.fields import Moment, Whole, YesNo
from app.api.openapi import answers, errors
from app.api.problems import Problem
from app.api.schemas import ExplainAnswer, WatchList, WatchView
from app.api.writes import Done, match_version, need_json, version_tag, write
from app.closest import hint
from app.db import audit, posts, watches
from app.db.audit import Deed
from app.db.config import load_destinations, load_watches, put_watch, retire, store_watches_version, watch_of
from app.db.models import Watch as WatchRow
from app.db.session import WriteSession
from app.domain.backtest import Backtest, Seen, backtest
from app.domain.posts import parse_line
from app.domain.rights import shown_tags
from app.domain.rule_explain import explain
from app.domain.rule_match import CompiledRule, PostWords
from app.domain.rule_places import compile_rule
from app.domain.rule_vetting import refuse_over_quota, same_rule, vet_rule
from app.domain.rules import parse_rule
from app.domain.watches import MAX_NAME, Triggers, Watch
from app.messages import Post, Tags

router = APIRouter(prefix="/v1/watches", tags=["watches"])

FILE_OWNS = "This watch is written in watchdesk.toml, which owns it: change it there and run `watchdesk migrate`."
MOST_POSTS = 20_000  # that one backtest reads
Count = Annotated[Whole, Field(ge=1, le=100_000)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"^[^\x00-\x1f\x7f/()]+$")]
RuleText = Annotated[
    str, Field(max_length=4_096, description="As watchdesk.toml has it: words, phrases, near:, kind: ...")
]


class TriggersBody(BaseModel):
    """What an incident must reach; all empty: it fires at the first report."""

    model_config = ConfigDict(extra="forbid")

    origins: Count | None = None
    lull_days: Count | None = None
    killed: Count | None = None
    burst_posts: Count | None = None
    burst_minutes: Count = 30


class WatchChange(BaseModel):
    """A watch without its name. `force` lets a rule of common words pass."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.WATCH_CHANGE]})

    rule: RuleText
    triggers: TriggersBody = TriggersBody()
    destinations: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=50)] = []
    cooldown_s: Annotated[Whole, Field(ge=0, le=7 * 86_400)] = 600
    force: YesNo = False

    def watch(self, name: str) -> Watch:
        triggers = Triggers(**self.triggers.model_dump())
        return Watch(name, self.rule.strip(), triggers, tuple(dict.fromkeys(self.destinations)), self.cooldown_s)


class NewWatch(WatchChange):
    """A watch to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.NEW_WATCH]})

    name: Name


class ExplainAsk(BaseModel):
    """A rule, and a post line or the id of a stored post."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.EXPLAIN_ASK]})

    rule: RuleText
    text: Annotated[str | None, Field(max_length=20_000, description="The text of a post to try.")] = None
    post: Annotated[str | None, Field(max_length=300, description="The id of a stored post.")] = None


class BacktestAsk(BaseModel):
    """A rule, and how much of the past to run it over."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.BACKTEST_ASK]})

    rule: RuleText
    since: Moment | None = None
    limit: Annotated[Whole, Field(ge=1, le=MOST_POSTS)] = 5_000


@router.get(
    "",
    dependencies=READ,
    summary="The watches in force",
    responses={200: answers(WatchList, examples.WATCH_LIST), **errors(503)},
)
async def list_watches(resources: Resources) -> Response:
    """Where none is configured, the built-in watch `all` applies: it is not listed, and its alerts carry its name."""
    async with resources.database.read() as session:
        rows = await watches.in_force(session)
    return _json(WatchList([_view(row) for row in rows]))


@router.get(
    "/{name}",
    dependencies=READ,
    summary="One watch",
    responses={200: answers(WatchView, examples.WATCH), **errors(404, 503)},
)
async def get_watch(resources: Resources, name: str) -> Response:
    """The ETag is its version: send it back as `If-Match` to change it."""
    async with resources.database.read() as session:
        row = _found(await watches.get(session, name))
    return _json(_view(row), headers={"ETag": version_tag(row.version)})


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(need_json)],
    summary="Make a watch",
    responses={201: answers(WatchView, examples.WATCH), **errors(409, 413, 415, 503)},
)
async def create_watch(request: Request, resources: Resources, caller: MayRule, given: NewWatch) -> Response:
    """The rule is refused where it would match nearly everything or nothing at all; run a backtest first."""
    watch = given.watch(given.name)
    await _compiled(resources, given.rule, force=given.force)

    async def work(writing: WriteSession) -> Done:
        if await watches.get(writing.session, watch.name) is not None:
            raise Problem(409, "There is a watch with this name.", code="exists")
        await _check(writing, watch)
        return await _put(
            writing, watch, Deed(caller.name, "watch_created", watch.name, body={"rule": watch.rule}), resources, 201
        )

    return await write(request, resources, caller, work)


@router.put(
    "/{name}",
    dependencies=[Depends(need_json)],
    summary="Change a watch",
    responses={200: answers(WatchView, examples.WATCH), **errors(404, 409, 412, 413, 415, 428, 503)},
)
async def change_watch(
    request: Request, resources: Resources, caller: MayRule, name: str, given: WatchChange
) -> Response:
    """Needs `If-Match` with the ETag that you read. Each alert names the version of the rules that it was decided by."""
    await _compiled(resources, given.rule, force=given.force)

    async def work(writing: WriteSession) -> Done:
        row = _ours(_found(await watches.get(writing.session, name)))
        match_version(request, row.version)
        watch = given.watch(name)
        await _check(writing, watch)
        deed = Deed(caller.name, "watch_changed", name, body={"rule": watch.rule, "before": row.rule})
        return await _put(writing, watch, deed, resources, 200)

    return await write(request, resources, caller, work)


@router.delete("/{name}", status_code=204, summary="Retire a watch", responses=errors(404, 409, 412, 428, 503))
async def delete_watch(request: Request, resources: Resources, caller: MayRule, name: str) -> Response:
    """It raises no first alert any more; corrections and withdrawals of what it told are still sent."""

    async def work(writing: WriteSession) -> Done:
        row = _ours(_found(await watches.get(writing.session, name)))
        match_version(request, row.version)
        now = resources.clock.now()
        await retire(writing, row, now)
        await store_watches_version(writing)
        await audit.note(writing, Deed(caller.name, "watch_retired", name), now)
        return Done(204)

    return await write(request, resources, caller, work)


@router.post(
    "/explain",
    dependencies=[Depends(need_json)],
    summary="Why a rule holds for a post, or does not",
    responses={200: answers(ExplainAnswer, examples.EXPLANATION), **errors(404, 413, 415, 503)},
)
async def explain_rule(resources: Resources, caller: MayRead, given: ExplainAsk) -> Response:
    """The same matcher that runs live. Give the text of a post, or the id of a stored one."""
    del caller
    rule = await _compiled(resources, given.rule, force=True, vetted=False)
    if (given.text is None) == (given.post is None):
        raise Problem(422, "Give either `text` or `post`.", field="text")
    if given.post is None:
        line = msgspec.json.encode({"id": "1", "platform": "inbox", "author": "you", "text": given.text})
        read = parse_line(line, received_at=resources.clock.now())
        if not isinstance(read, Post):
            raise Problem(422, "This text cannot be a post.", field="text")
        words = await asyncio.to_thread(_words, resources, read, None)
        tags: Tags | None = words.tags
    else:
        async with resources.database.read() as session:
            found = await posts.get(session, given.post)
        if found is None:
            raise Problem(404, "There is no post with this id.")
        words = await asyncio.to_thread(_words, resources, posts.as_message(found.post), found.post.tags)
        tags = shown_tags(words.tags, found.rights, deleted=found.post.deleted_at is not None)
    explained = explain(rule, words)
    return _json(ExplainAnswer(explained.matched, list(explained.sentences()), explained, tags or Tags()))


@router.post(
    "/backtest",
    dependencies=[Depends(need_json)],
    summary="What a rule would have matched",
    responses={200: answers(Backtest, examples.BACKTEST), **errors(413, 415, 503)},
)
async def backtest_rule(resources: Resources, caller: MayRead, given: BacktestAsk) -> Response:
    """The same matcher that runs live, over the newest posts that we hold."""
    del caller
    rule = await _compiled(resources, given.rule, force=True)
    async with resources.database.read() as session:
        rows = await posts.recent(session, limit=given.limit, since=given.since)

    def run() -> Backtest:
        return backtest(rule, (Seen(_words(resources, posts.as_message(row), row.tags), row.seen_at) for row in rows))

    return _json(await asyncio.to_thread(run))


async def _compiled(resources: Serving, text: str, *, force: bool, vetted: bool = True) -> CompiledRule:
    """Return the rule ready to match; RuleError (422 with the position) where it cannot be used."""
    rule = parse_rule(text)
    if vetted:
        vet_rule(rule, force=force)
    gazetteer = await resources.open_places()
    return await asyncio.to_thread(compile_rule, rule, gazetteer)


def _words(resources: Serving, post: Post, tags: Tags | None) -> PostWords:
    text = resources.tagger.read(post)
    return PostWords(post, text, resources.tagger.tag(post, text) if tags is None else tags)


async def _check(writing: WriteSession, watch: Watch) -> None:
    known = await load_destinations(writing.session)
    for name in watch.destinations:
        if name not in known:
            raise Problem(422, f"There is no destination {name!r}{hint(name, known)}.", field="destinations")
    others = [other for other in await load_watches(writing.session) if other.name != watch.name]
    refuse_over_quota(one.rule for one in (watch, *others))
    for other in others:
        same = (other.triggers, set(other.destinations)) == (watch.triggers, set(watch.destinations))
        if same and same_rule(other.rule, watch.rule):
            raise Problem(
                409, f"The watch {other.name!r} is the same rule already.", code="same_rule", watch=other.name
            )


async def _put(writing: WriteSession, watch: Watch, deed: Deed, resources: Serving, status: int) -> Done:
    await put_watch(writing, watch)
    await store_watches_version(writing)
    await audit.note(writing, deed, resources.clock.now())
    row = _found(await watches.get(writing.session, watch.name))
    return Done(status, _view(row), row.version)


def _found(row: WatchRow | None) -> WatchRow:
    if row is None:
        raise Problem(404, "There is no watch with this name.")
    return row


def _ours(row: WatchRow) -> WatchRow:
    if row.owned_by_file:
        raise Problem(409, FILE_OWNS, code="owned_by_file")
    return row


def _view(row: WatchRow) -> WatchView:
    watch = watch_of(row)
    return WatchView(
        watch.name,
        watch.rule,
        watch.triggers,
        list(watch.destinations),
        watch.cooldown_s,
        row.version,
        row.owned_by_file,
    )


def _json(value: object, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers=headers)
