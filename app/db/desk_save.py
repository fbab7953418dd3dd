"""What a batch of the desk changed -> the database, in the transaction that also moves the desk's offset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import models
from app.db.holds import held_among
from app.db.outbox import outbox_rows
from app.db.session import WriteSession
from app.db.upsert import insert_new, upsert
from app.domain.changes import Changes, RaisedAlert, TakenPost
from app.domain.deliveries import routes
from app.domain.desk_state import DeskState
from app.domain.incidents import Incident, digest, view_of
from app.messages import PostType

HABIT = 0.1  # weight of the newest gap in a source's usual gap

_encoder = msgspec.json.Encoder()


class Saver:
    """Writes one batch. `now` is the wall time of storing; `destinations` are those of a watch that names none."""

    def __init__(self, writing: WriteSession, state: DeskState, now: datetime, destinations: Sequence[str]) -> None:
        self._writing = writing
        self._session: AsyncSession = writing.session
        self._state = state
        self._now = now
        self._destinations = destinations

    async def save(self, changes: Changes) -> int:
        """Write everything; return the highest `change_no` drawn, 0 where no incident changed."""
        number = await self._writing.change_no() if changes.incidents or changes.taken else 0
        await self._posts(changes.taken, number)
        await self._quarantine(changes)
        await self._incidents(changes, number)
        await self._alerts(changes.alerts)
        await self._told(changes)
        await self._ledger(changes)
        await self._coverage(changes)
        await self._gaps(changes)
        await self._sources(changes)
        await self._waiting(changes)
        return number

    async def _posts(self, taken: Sequence[TakenPost], number: int) -> None:
        in_force = {one.post.id: self._post_row(one, number) for one in taken if one.in_force}
        for one in reversed(taken):  # a post was seen when its first revision was, also where both came in one batch
            if one.post.id in in_force:
                in_force[one.post.id]["seen_at"] = one.item.seen_at
        gone = {one.post.id: one.post.source for one in taken if one.deleted}
        held = await held_among(self._session, gone, self._now) if gone else set()
        plain = [row for post, row in in_force.items() if post not in held]
        await upsert(self._session, models.Post, plain, ["id"], keep=["stored_at", "seen_at"])
        under_hold = [in_force[post] for post in in_force if post in held]
        as_it_was = ["stored_at", "seen_at", "text", "media", "author", "source"]  # kept, and shown to nobody
        await upsert(self._session, models.Post, under_hold, ["id"], keep=as_it_was)
        revisions = [_revision_row(one) for one in taken if not one.deleted]
        await insert_new(self._session, models.Revision, revisions, ["post_id", "revised_at", "content_hash"])
        emptied = sorted(gone.keys() - held)
        if emptied:
            statement = update(models.Revision).where(models.Revision.post_id.in_(emptied))
            await self._session.execute(statement.values(text="", tags=None))

    def _post_row(self, taken: TakenPost, number: int) -> dict[str, Any]:
        post, item = taken.post, taken.item
        known = self._state.known.get(post.id)
        marks = [name for name in ("history", "no_deliver", "gapfill", "exercise") if getattr(item.marks, name)]
        row = {name: getattr(post, name) for name in ("id", "platform", "author", "author_name", "url", "lang")}
        return row | {
            "given_id": known.given_id if known else post.given_id,
            "source": post.source,
            "created_at": taken.created_at,
            "seen_at": item.seen_at,
            "stored_at": self._now,
            "revised_at": taken.revised_at,
            "deleted_at": item.seen_at if post.type is PostType.DELETE else None,
            "content_hash": taken.content_hash,
            "text": "" if taken.deleted else post.text,
            "repost_of": post.repost_of,
            "quote_of": post.quote_of,
            "reply_to": post.reply_to,
            "media": [] if taken.deleted else list(post.media),
            "flags": [str(flag) for flag in post.flags],
            "marks": marks,
            "tags": taken.tags,
            "ingest": str(item.ingest),
            "change_no": number,
        }

    async def _quarantine(self, changes: Changes) -> None:
        rows = [
            {
                "ingest": str(item.ingest),
                "reason": str(item.quarantined.reason),
                "detail": item.quarantined.detail,
                "source": item.source,
                "sha256": item.quarantined.sha256,
                "size": item.quarantined.size,
                "head": item.quarantined.head,
                "stored_at": self._now,
            }
            for item in changes.quarantined
            if item.quarantined is not None
        ]
        await insert_new(self._session, models.Quarantine, rows, ["ingest"])

    async def _incidents(self, changes: Changes, number: int) -> None:
        incidents = [self._state.incidents[incident_id] for incident_id in changes.incidents]
        rows = [self._incident_row(incident, number) for incident in incidents]
        await upsert(self._session, models.Incident, rows, ["id"], keep=["stored_at"])
        if changes.incidents:
            links = models.IncidentPost
            await self._session.execute(delete(links).where(links.incident_id.in_(list(changes.incidents))))
            members = [row for incident in incidents for row in _member_rows(incident)]
            await insert_new(self._session, links, members, ["incident_id", "post_id", "ordinal"])

    def _incident_row(self, incident: Incident, number: int) -> dict[str, Any]:
        view = view_of(incident, self._state.facts[incident.id])
        return {
            "id": incident.id,
            "kind": view.kind,
            "country": view.place.country,
            "lat": view.place.lat,
            "lon": view.place.lon,
            "first_at": view.first_at,
            "last_at": view.last_at,
            "level": view.level,
            "state": view.state,
            "exercise": incident.exercise,
            "view": view,
            "body": _encoder.encode(incident).decode(),
            "change_no": number,
            "stored_at": self._now,
        }

    async def _alerts(self, raised: Sequence[RaisedAlert]) -> None:
        alerts: list[dict[str, Any]] = []
        deliveries: list[dict[str, Any]] = []
        for one in raised:
            alert = one.alert
            alerts.append(
                {
                    "seq": await self._writing.change_no(),
                    "id": alert.id,
                    "incident_id": alert.incident,
                    "watch": alert.watch,
                    "step": alert.step,
                    "level": alert.level,
                    "created_at": alert.created_at,
                    "stored_at": self._now,
                    "exercise": one.exercise,
                    "body": alert,
                    "incident_view": one.view,
                }
            )
            if one.deliver:
                going = routes(one.watch.destinations, self._destinations, exercise=one.exercise)
                deliveries.extend(outbox_rows(alert, going, self._now))
        await insert_new(self._session, models.Alert, alerts, ["id"])
        await insert_new(self._session, models.Delivery, deliveries, ["id"])

    async def _told(self, changes: Changes) -> None:
        rows = [
            {"watch": watch, "incident_id": incident, "body": _encoder.encode(told).decode()}
            for watch, incident in changes.told
            if (told := self._state.told[incident].get(watch)) is not None
        ]
        await upsert(self._session, models.WatchIncident, rows, ["watch", "incident_id"])

    async def _ledger(self, changes: Changes) -> None:
        for spool, outcomes in changes.outcomes.items():
            ranges = models.LedgerRange
            await self._session.execute(delete(ranges).where(ranges.spool == spool))
            rows = [
                {"spool": spool, "first": first, "last": last} for first, last in self._state.ledger[spool].ranges()
            ]
            await insert_new(self._session, ranges, rows, ["spool", "first"])
            counts = models.LedgerCount
            held = dict(
                (await self._session.execute(select(counts.outcome, counts.count).where(counts.spool == spool))).all()
            )
            totals = [
                {"spool": spool, "outcome": str(outcome), "count": held.get(str(outcome), 0) + count}
                for outcome, count in outcomes.items()
            ]
            await upsert(self._session, counts, totals, ["spool", "outcome"])

    async def _coverage(self, changes: Changes) -> None:
        table, book = models.CoverageInterval, self._state.coverage
        for source in changes.covered:
            intervals = book.intervals[source]
            await self._session.execute(delete(table).where(table.source == source, table.start >= intervals[0][0]))
            rows = [{"source": source, "start": start, "end": end} for start, end in intervals]
            await upsert(self._session, table, rows, ["source", "start"])
        for run_id, begins in changes.runs.items():
            run = book.runs[run_id]
            row = {"id": run_id, "sources": sorted(run.sources), "start": run.start, "end": run.end}
            if begins:
                await upsert(self._session, models.Run, [row], ["id"])
            else:  # a run may have thousands of sources: only its end moves with every batch
                moved = update(models.Run).where(models.Run.id == run_id).values(end=run.end)
                await self._session.execute(moved)
        placed = [
            {"source": source, "country": country, "last_at": book.countries[source][country]}
            for source, country in changes.placed
        ]
        await upsert(self._session, models.SourceCountry, placed, ["source", "country"])

    async def _gaps(self, changes: Changes) -> None:
        rows = [
            {
                "id": digest(gap.source, gap.run, gap.start, gap.end),
                "source": gap.source,
                "run": gap.run,
                "scope": "run" if gap.run else "source",
                "start": gap.start,
                "end": gap.end,
                "reason": gap.reason,
                "filled": gap.filled,
                "stored_at": self._now,
            }
            for gap in changes.gaps
        ]
        rows += [
            {
                "id": digest("log", lost.start, lost.end, lost.reason),
                "source": None,
                "run": None,
                "scope": "log",
                "start": lost.start,
                "end": lost.end,
                "reason": lost.reason,
                "filled": False,
                "stored_at": self._now,
            }
            for lost in changes.lost
        ]
        unique = {row["id"]: row for row in rows}
        await upsert(self._session, models.GapRow, list(unique.values()), ["id"], keep=["stored_at"])

    async def _sources(self, changes: Changes) -> None:
        heads = [
            {"spool": head.spool, "head": head.head, "empty_lines": head.empty_lines, "said_at": head.seen_at}
            for head in changes.heads.values()
        ]
        await upsert(self._session, models.Spool, heads, ["spool"])
        names = {*changes.states, *changes.last_posts}
        if not names:
            return
        status = models.SourceStatus
        found = await self._session.execute(select(status).where(status.source.in_(names)))
        held = {row.source: row for row in found.scalars()}
        for name in sorted(names):
            row = held.get(name) or status(source=name, state="unknown", detail="", posts=0, said_at=self._now)
            _update_status(row, changes, name)
            self._session.add(row)
        await self._session.flush()

    async def _waiting(self, changes: Changes) -> None:
        table = models.WaitingPost
        rows = [
            {"post_id": post, "body": _encoder.encode(self._state.waiting[post]).decode()}
            for post in changes.waiting
            if post in self._state.waiting
        ]
        gone = [post for post in changes.waiting if post not in self._state.waiting]
        if gone:
            await self._session.execute(delete(table).where(table.post_id.in_(gone)))
        await upsert(self._session, table, rows, ["post_id"])


def _revision_row(taken: TakenPost) -> dict[str, Any]:
    return {
        "post_id": taken.post.id,
        "revised_at": taken.revised_at,
        "content_hash": taken.content_hash,
        "text": taken.post.text,
        "seen_at": taken.item.seen_at,
        "tags": taken.tags,
    }


def _member_rows(incident: Incident) -> Iterable[dict[str, Any]]:
    for member in incident.members:
        ordinal = member.event.ordinal if member.event else 0
        yield {"incident_id": incident.id, "post_id": member.post, "ordinal": ordinal, "role": member.role}


def _update_status(row: models.SourceStatus, changes: Changes, name: str) -> None:
    said = changes.states.get(name)
    if said is not None:
        row.state, row.detail, row.reconnects = said.state, said.detail, said.reconnects
        row.backlog, row.spend_usd, row.said_at = said.backlog, said.spend_usd, said.seen_at
    for at in changes.last_posts.get(name, ()):
        if row.last_post_at is not None and at > row.last_post_at:
            gap = (at - row.last_post_at) / timedelta(seconds=1)
            row.usual_gap_s = gap if row.usual_gap_s is None else (1 - HABIT) * row.usual_gap_s + HABIT * gap
        row.last_post_at = at if row.last_post_at is None else max(at, row.last_post_at)
        row.posts = (row.posts or 0) + 1
