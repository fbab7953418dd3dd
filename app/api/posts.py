"""/v1/posts: what sources published, with every revision and what was read in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response

from app.api import examples
from app.api.auth import READ
from app.api.deps import Resources
from app.api.openapi import answers, errors
from app.api.problems import Problem
from app.api.schemas import IncidentRole, PostDetail, RevisionView, withheld
from app.db import meta, posts
from app.db.models import Post
from app.db.posts import StoredPost

router = APIRouter(prefix="/v1/posts", tags=["posts"])


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
    why = withheld(found.rights, deleted=post.deleted_at is not None)
    same = [name for name in PostDetail.__struct_fields__ if name in Post.__table__.columns and name != "text"]
    return PostDetail(
        **{name: getattr(post, name) for name in same},
        owner=found.owner,
        grade=found.grade,
        text=None if why else post.text,
        withheld=why,
        revisions=[
            RevisionView(one.revised_at, one.seen_at, one.content_hash, None if why else one.text, one.tags)
            for one in found.revisions
        ],
        incidents=[IncidentRole(one.incident_id, one.role) for one in found.incidents],
        stale_since=stale_since,
        demo=demo,
    )
