"""/v1/posts: what sources published, with every revision and what was read in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayAck
from app.api.deps import Resources
from app.api.openapi import answers, errors
from app.api.problems import Problem
from app.api.schemas import Accepted, IncidentRole, PostDetail, RevisionView
from app.api.writes import Done, need_json, write
from app.db import audit, inbox, meta, posts
from app.db.audit import Deed
from app.db.models import Post
from app.db.posts import StoredPost
from app.db.session import WriteSession
from app.domain.pasted import line_of
from app.domain.rights import shown_tags, shown_text, withheld
from app.errors import UserError

router = APIRouter(prefix="/v1/posts", tags=["posts"])


class PostAsk(BaseModel):
    """A post line, as a replay file has it. Its `url` alone tells id, platform and author of a post of X, Telegram, Bluesky or the web."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.POST_ASK]})

    id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    platform: Annotated[str | None, Field(min_length=1, max_length=30, description="`inbox` where no url tells.")] = (
        None
    )
    author: Annotated[str | None, Field(min_length=1, max_length=300)] = None
    text: Annotated[str, Field(max_length=60_000)] = ""
    created_at: Annotated[str | None, Field(max_length=40, description="ISO 8601; now where it is missing.")] = None
    type: Literal["post", "edit", "delete"] = "post"
    author_name: Annotated[str | None, Field(max_length=300)] = None
    lang: Annotated[str | None, Field(max_length=35)] = None
    url: Annotated[str | None, Field(max_length=2_048)] = None
    repost_of: Annotated[str | None, Field(max_length=300)] = None
    quote_of: Annotated[str | None, Field(max_length=300)] = None
    reply_to: Annotated[str | None, Field(max_length=300)] = None
    media: Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=50)] = []


@router.post(
    "",
    status_code=202,
    dependencies=[Depends(need_json)],
    summary="Hand in a post",
    responses={202: answers(Accepted, examples.ACCEPTED), **errors(409, 413, 415, 503)},
)
async def hand_in_post(request: Request, resources: Resources, caller: MayAck, given: PostAsk) -> Response:
    """It goes the way of every other post: stored, tagged, joined into incidents. Who handed it in stands in the audit."""
    now = resources.clock.now()
    try:
        line, read = line_of(given.model_dump(), now)
    except UserError as error:
        raise Problem(422, f"{error.detail[0].upper()}{error.detail[1:]}.", field="id") from None

    async def work(writing: WriteSession) -> Done:
        await inbox.hand_in(writing.session, line, now)
        await audit.note(writing, Deed(caller.name, "post_handed_in", read.id), now)
        return Done(202, Accepted(read.id))

    return await write(request, resources, caller, work)


@router.get(
    "/{post_id:path}",
    dependencies=READ,
    summary="One post with its revisions, tags and incidents",
    responses={200: answers(PostDetail, examples.POST_DETAIL), **errors(404, 422, 503)},
)
async def get_post(
    resources: Resources,
    post_id: Annotated[str, Path(max_length=300, description="`platform:id`, or the id as given.")],
) -> Response:
    """The text of a deleted post, and of one whose source allows a reference only, is withheld: `withheld` says why."""
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        found = await posts.get(session, post_id) if "\0" not in post_id else None
    if found is None:
        raise Problem(404, "There is no post with this id.")
    detail = _detail(found, standing.stale_since(resources.clock.now()), demo=resources.settings.demo)
    return Response(msgspec.json.encode(detail), media_type="application/json")


def _detail(found: StoredPost, stale_since: datetime | None, *, demo: bool) -> PostDetail:
    post = found.post
    rights, deleted = found.rights, post.deleted_at is not None
    theirs = {"text", "tags"}
    same = [name for name in PostDetail.__struct_fields__ if name in Post.__table__.columns and name not in theirs]
    return PostDetail(
        **{name: getattr(post, name) for name in same},
        owner=found.owner,
        grade=found.grade,
        text=shown_text(post.text, rights, deleted=deleted),
        withheld=withheld(rights, deleted=deleted),
        tags=shown_tags(post.tags, rights, deleted=deleted),
        revisions=[
            RevisionView(
                one.revised_at,
                one.seen_at,
                one.content_hash,
                shown_text(one.text, rights, deleted=deleted),
                shown_tags(one.tags, rights, deleted=deleted),
            )
            for one in found.revisions
        ],
        incidents=[IncidentRole(one.incident_id, one.role) for one in found.incidents],
        stale_since=stale_since,
        demo=demo,
    )
