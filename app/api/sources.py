"""/v1/sources: the accounts that the desk listens to: how far each is trusted, how it is, and since when it was not read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import examples
from app.api.auth import READ, MayAdmin
from app.api.deps import Resources
from app.api.openapi import answers, errors
from app.api.problems import Problem
from app.api.schemas import CoveredView, GapView, SourceDetail, SourceList, SourceView
from app.api.writes import Done, match_version, need_json, version_tag, write
from app.db import audit, meta, sources
from app.db.audit import Deed
from app.db.config import put_source, retire
from app.db.models import Source
from app.db.session import WriteSession
from app.db.sources import KnownSource
from app.domain.source_lists import read_source
from app.errors import UserError

router = APIRouter(prefix="/v1/sources", tags=["sources"])

FILE_OWNS = "This source is written in watchdesk.toml, which owns it: change it there and run `watchdesk migrate`."
GAPS, COVERED = 50, timedelta(days=7)
SourceId = Annotated[str, Path(max_length=300, description="`platform:handle`")]


class SourceChange(BaseModel):
    """What the desk knows of a source. `options` are its producer's own keys, as in watchdesk.toml."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SOURCE_ASK]})

    owner: Annotated[str, Field(max_length=300, description="Accounts of one owner are one origin.")] = ""
    grade: Literal["A", "B", "C", "D", "E", "F"] = "F"
    area: Annotated[str | None, Field(min_length=1, max_length=300)] = None
    rights: Literal["full", "reference", "delete_24h"] = "full"
    actor: Annotated[str | None, Field(min_length=1, max_length=60, description="The party that it speaks for.")] = None
    options: Annotated[dict[str, Any], Field(max_length=50)] = {}


@router.get(
    "",
    dependencies=READ,
    summary="All sources",
    responses={200: answers(SourceList, examples.SOURCE_LIST), **errors(503)},
)
async def list_sources(resources: Resources) -> Response:
    """Configured ones, and every account whose posts came in. A silent source is shown here, it makes nothing unready."""
    async with resources.database.read() as session:
        standing = await meta.standing(session)
        found = await sources.known(session)
    stale = standing.stale_since(resources.clock.now())
    return _json(SourceList([_view(one, resources.clock.now()) for one in found], stale, resources.settings.demo))


@router.get(
    "/{source_id:path}",
    dependencies=READ,
    summary="One source, with when it was read and when not",
    responses={200: answers(SourceDetail, examples.SOURCE_DETAIL), **errors(404, 503)},
)
async def get_source(resources: Resources, source_id: SourceId) -> Response:
    """The ETag is its version: send it back as `If-Match` to change it."""
    now = resources.clock.now()
    async with resources.database.read() as session:
        found = await sources.known(session, source_id) if "\0" not in source_id else []
        if not found:
            raise Problem(404, "There is no source with this id.")
        gaps = await sources.gaps(session, limit=GAPS, source=source_id)
        covered = await sources.coverage(session, source_id, now - COVERED)
    detail = SourceDetail(
        **msgspec.structs.asdict(_view(found[0], now)),
        gaps=[GapView(gap.start, gap.end, gap.reason, gap.filled) for gap in gaps],
        covered=[CoveredView(one.start, one.end) for one in covered],
    )
    return _json(detail, headers={"ETag": version_tag(found[0].source.version if found[0].source else 0)})


@router.put(
    "/{source_id:path}",
    dependencies=[Depends(need_json)],
    summary="Make or change a source",
    responses={
        200: answers(SourceView, examples.SOURCE),
        201: answers(SourceView, examples.SOURCE),
        **errors(404, 409, 412, 413, 415, 428, 503),
    },
)
async def put_one(
    request: Request, resources: Resources, caller: MayAdmin, source_id: SourceId, given: SourceChange
) -> Response:
    """Without a version in force it is made; with one `If-Match` is needed. It is written whole: what you leave out, rights too,
    gets its default. Producers take it up within seconds.
    """
    fields = given.model_dump(exclude={"options"})
    if twice := sorted(fields.keys() & given.options.keys()):
        raise Problem(422, f"{twice[0]} is no option of a producer: it stands beside them.", field="options")
    try:
        config = read_source({"id": source_id, **fields, **given.options}, "the source")
    except UserError as error:
        raise Problem(422, error.detail, field="source_id") from None

    async def work(writing: WriteSession) -> Done:
        row = await writing.session.get(Source, source_id)
        if row is not None and row.retired_at is None:
            if row.owned_by_file:
                raise Problem(409, FILE_OWNS, code="owned_by_file")
            match_version(request, row.version)
        outcome = await put_source(writing, config)
        await writing.session.flush()
        now = resources.clock.now()
        await audit.note(writing, Deed(caller.name, f"source_{outcome}", source_id, body=given.model_dump()), now)
        (made,) = await sources.known(writing.session, source_id)
        return Done(201 if row is None else 200, _view(made, now), made.source.version if made.source else None)

    return await write(request, resources, caller, work)


@router.delete(
    "/{source_id:path}", status_code=204, summary="Retire a source", responses=errors(404, 409, 412, 428, 503)
)
async def delete_source(request: Request, resources: Resources, caller: MayAdmin, source_id: SourceId) -> Response:
    """It is read no more. Its posts stay, and so does what was told of it."""

    async def work(writing: WriteSession) -> Done:
        row = await writing.session.get(Source, source_id) if "\0" not in source_id else None
        if row is None or row.retired_at is not None:
            raise Problem(404, "There is no source with this id.")
        if row.owned_by_file:
            raise Problem(409, FILE_OWNS, code="owned_by_file")
        match_version(request, row.version)
        now = resources.clock.now()
        await retire(writing, row, now)
        await audit.note(writing, Deed(caller.name, "source_retired", source_id), now)
        return Done(204)

    return await write(request, resources, caller, work)


def _view(known: KnownSource, now: datetime) -> SourceView:
    source, status = known.source, known.status
    return SourceView(
        id=known.id,
        owner=source.owner if source else known.id.partition(":")[2],
        grade=source.grade if source else "F",
        area=source.area if source else None,
        rights=source.rights if source else "full",
        configured=source is not None and source.retired_at is None,
        owned_by_file=bool(source and source.owned_by_file),
        retired_at=source.retired_at if source else None,
        version=source.version if source else 0,
        state=status.state if status else "unknown",
        detail=status.detail if status else "",
        last_post_at=status.last_post_at if status else None,
        said_at=status.said_at if status else None,
        posts=status.posts if status else 0,
        reconnects=status.reconnects if status else 0,
        backlog=status.backlog if status else 0,
        spend_usd=status.spend_usd if status else 0.0,
        covered_until=known.covered_until,
        open_gaps=known.open_gaps,
        usual_gap_s=status.usual_gap_s if status else None,
        silent_since=known.silent_since(now),
    )


def _json(value: object, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json", headers=headers)
