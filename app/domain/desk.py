"""records of topic `tagged` -> what to store, incidents, alerts: the one place where the desk decides, one record after the other.

A decision depends on the records before it and on nothing else: not on where a batch was cut, not on the machine's clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from app.domain.alerts import Cause, Names, alert_of, next_step, why_silent
from app.domain.attach import attach, attach_waiting, loose, wait
from app.domain.changes import Changes, RaisedAlert, TakenPost
from app.domain.config import DeskOptions
from app.domain.desk_state import DeskState, KnownPost
from app.domain.grades import SourceBook, source_key
from app.domain.incidents import (
    ANY_KIND,
    OPENS,
    TOLD_BY,
    Event,
    Facts,
    Incident,
    Member,
    digest,
    event_time,
    events_of,
    fits,
    happening,
    summarise,
    view_of,
)
from app.domain.ledger import Outcome
from app.domain.live_sources import sources_live
from app.domain.lulls import ReplayRun, quiet_before
from app.domain.origins import Echoes, Voice, word_pairs
from app.domain.platform_terms import within_terms
from app.domain.posts import content_hash
from app.domain.watches import Watch
from app.messages import (
    Coverage,
    Gap,
    Item,
    Post,
    PostType,
    Record,
    RunStart,
    SourceState,
    SpoolHead,
    Tags,
)

OWED = frozenset({"corrected", "withdrawn"})  # to those whom a deleted watch once told


class Matcher(Protocol):
    """What the desk asks of the one matcher: the words of a post, and which watches match an item, with the sentences why.

    `version` is that of the watches it matches by.
    """

    @property
    def version(self) -> str: ...

    def words(self, post: Post) -> Sequence[str]: ...

    def hits(self, item: Item) -> Mapping[str, tuple[str, ...]]: ...


class DeskRules(msgspec.Struct, frozen=True):
    """What the desk decides by; replaced whole when a watch or a source changes."""

    book: SourceBook
    options: DeskOptions
    watches: Mapping[str, Watch]
    names: Names = Names()
    protests_from_x: bool = False  # somebody has read X's terms and signed for it

    @property
    def takes_for(self) -> timedelta:
        return timedelta(hours=self.options.incident_hours)


class Desk:
    """Decides records against the state. `handle` fills `changes`; the caller commits them or throws the state away."""

    def __init__(self, state: DeskState, rules: DeskRules, matcher: Matcher) -> None:
        self.state = state
        self.rules = rules
        self.matcher = matcher

    def handle(self, record: Record, changes: Changes) -> None:
        match record:
            case Item():
                self._item(record, changes)
            case Coverage():
                self.state.coverage.cover(record.sources, (record.start, record.end))
                changes.covered.update(dict.fromkeys(record.sources))
            case RunStart():
                self._run_start(record, changes)
            case Gap():
                self._gap(record, changes)
            case SourceState():
                self.state.source_states[source_key(record.source)] = record.state
                changes.states[record.source] = record
            case SpoolHead():
                changes.heads[record.spool] = record

    def _run_start(self, record: RunStart, changes: Changes) -> None:
        run = self.state.coverage.runs.get(record.run)
        if run is None:
            self.state.coverage.runs[record.run] = ReplayRun(frozenset(record.sources), record.start, record.start)
        else:
            run.sources |= frozenset(record.sources)
        changes.runs[record.run] = True

    def _gap(self, record: Gap, changes: Changes) -> None:
        run = self.state.coverage.runs.get(record.run) if record.run else None
        if run is not None and not record.filled:
            hole = (record.start, record.end)
            if record.source is None:
                run.gaps.append(hole)
            else:
                run.source_gaps.setdefault(record.source, []).append(hole)
        if record.filled and record.source is not None:
            self.state.coverage.cover((record.source,), (record.start, record.end))
            changes.covered[record.source] = None
        changes.gaps.append(record)

    def _item(self, item: Item, changes: Changes) -> None:
        seen = self.state.ledger[item.ingest.spool]
        if item.ingest.sequence in seen:
            return
        seen.add(item.ingest.sequence)
        run = self.state.coverage.runs.get(item.run) if item.run else None
        if run is not None and item.run is not None:
            run.end = max(run.end, item.seen_at)
            changes.runs.setdefault(item.run, False)
        if item.post is None:
            changes.quarantined.append(item)
            changes.count(item.ingest, Outcome.QUARANTINED)
            return
        outcome, taken = self._take(item, item.post)
        changes.count(item.ingest, outcome)
        if taken is None:
            return
        changes.taken.append(taken)
        if not item.marks.exercise:
            # A replay reads a file; the habit is that of the account.
            changes.last_posts[taken.post.source if item.run else item.source].append(item.seen_at)
        if taken.tags is not None and taken.tags is not item.tags:
            changes.suppressed["terms"] += 1
        if taken.in_force:
            self._decide(taken, changes)

    def _take(self, item: Item, post: Post) -> tuple[Outcome, TakenPost | None]:
        """Return how the item ends in the ledger, and its revision if there is something to store."""
        known = self.state.known.get(post.id)
        deletes = post.type is PostType.DELETE
        time = post.created_at or item.seen_at
        content = "" if deletes else content_hash(post)
        if known is not None and known.deleted:
            return (Outcome.DUPLICATE if deletes else Outcome.DROPPED), None  # a deletion is final
        if known is not None and not deletes and (content == known.content_hash or (time, content) in known.revisions):
            return Outcome.DUPLICATE, None
        in_force = known is None or deletes or time >= known.revised_at
        revisions = (known.revisions if known else frozenset()) | {(time, content)}
        created = known.created_at if known is not None and known.created_at is not None else post.created_at
        if in_force:
            self.state.known[post.id] = KnownPost(
                post.id, post.given_id, post.source, content, time, deletes, revisions, created
            )
        elif known is not None:
            self.state.known[post.id] = msgspec.structs.replace(known, revisions=revisions)
        allowed = self.rules.protests_from_x
        tags = None if deletes else within_terms(item.tags, post.platform, protests_from_x=allowed)
        return Outcome.STORED, TakenPost(post, tags, content, time, in_force, deletes, item, created)

    def _decide(self, taken: TakenPost, changes: Changes) -> None:
        """Let the post leave, join or open incidents, then tell the watches."""
        touched: dict[str, None] = {}
        if self.state.waiting.pop(taken.post.id, None) is not None:
            changes.waiting[taken.post.id] = None
        tags = taken.tags or Tags()
        events = list(events_of(tags)) if tags.claim in TOLD_BY else []
        member = self._member(taken, tags)
        stays = False
        for incident in self.state.of_post(taken.post.id):
            stays |= self._redecide(incident, member, events)
            touched[incident.id] = None
        if not taken.deleted and (events or not stays):
            touched.update(self._place(taken, member, events, changes))
        changes.incidents.update(touched)
        self._tell(touched, taken, changes)

    def _redecide(self, incident: Incident, member: Member, events: list[Event]) -> bool:
        """Judge a revised post again where it stood: it stays, moves the incident that had only it, or leaves (False)."""
        rest = tuple(other for other in incident.members if other.post != member.post)
        without = msgspec.structs.replace(incident, members=rest)
        facts = self._summarise(without)
        stays: Event | None = None
        if facts is not None:
            near = (event for event in events if fits(event, member.at, facts, self.rules.takes_for) is not None)
            stays = next(near, None)
        elif events and member.role == OPENS:
            stays = events[0]
        if stays is not None:
            events.remove(stays)
            at = next(number for number, other in enumerate(incident.members) if other.post == member.post)
            before = incident.members[at].voice
            voice = msgspec.structs.replace(member.voice, former=(*before.former, before.pairs)[-3:])
            kept = msgspec.structs.replace(member, event=stays, voice=voice)
            without = msgspec.structs.replace(incident, members=(*rest[:at], kept, *rest[at:]))
        self._put(without, member.seen_at)
        return stays is not None

    def _place(self, taken: TakenPost, member: Member, events: Sequence[Event], changes: Changes) -> dict[str, None]:
        """Let the events of a post join or open incidents; what has none goes where it refers to, or waits. Returns the incidents."""
        tags, touched = taken.tags or Tags(), dict[str, None]()
        for event in events:
            if tags.claim == OPENS:
                self._note_country(taken, event, changes)
            touched.update(self._join_or_open(member, event, taken, changes))
        if touched or tags.claim == "none":
            return touched
        this = loose(member, tags, self.rules.book, exercise=taken.item.marks.exercise)
        attached = attach(self.state, this, taken.post, self.rules.options)
        for incident in attached:
            self._put(incident, member.seen_at)
        if not attached:
            wait(self.state, this, self.rules.options, changes)
        return {incident.id: None for incident in attached}

    def _note_country(self, taken: TakenPost, event: Event, changes: Changes) -> None:
        for source in {taken.item.source, taken.post.source}:
            self.state.coverage.place(source, event.place.country, taken.item.seen_at)
            changes.placed[(source, event.place.country)] = None

    def _join_or_open(self, member: Member, event: Event, taken: TakenPost, changes: Changes) -> dict[str, None]:
        mine = msgspec.structs.replace(member, event=event)
        exercise = taken.item.marks.exercise
        # Each exercise is an incident of its own, or the second drill of a day would alert nobody.
        found = None if exercise else self._fitting(event, member)
        if found is not None:
            self._put(msgspec.structs.replace(found, members=(*found.members, mine)), member.seen_at)
            return {found.id: None}
        opened = Incident(id=digest(member.revision, event.ordinal), members=(mine,), exercise=exercise)
        if member.role != OPENS or member.voice.round_up or opened.id in self.state.incidents:
            return {}
        self._put(opened, member.seen_at)
        changes.opened.update([] if exercise else [event.kind])
        joined = attach_waiting(self.state, opened.id, member.seen_at, self.rules.takes_for, changes)
        self._put(joined, member.seen_at)
        return {opened.id: None}

    def _fitting(self, event: Event, member: Member) -> Incident | None:
        """Return the incident of the event. Who counts the dead or buries them need not say again what killed them."""
        takes_for = self.rules.takes_for
        found = self.state.best_fit(event, member.at, exercise=False, takes_for=takes_for)
        if found is None and member.role == "aftermath":
            of_any_kind = msgspec.structs.replace(event, kind=ANY_KIND)
            found = self.state.best_fit(of_any_kind, member.at, exercise=False, takes_for=takes_for)
        return found

    def _member(self, taken: TakenPost, tags: Tags) -> Member:
        post, item = taken.post, taken.item
        card = self.rules.book.card(post.source)
        repeats = post.repost_of or post.quote_of
        original = self.state.known.get(repeats) if repeats else None
        theirs = self.rules.book.card(original.source) if original else None
        own = tags.claim in TOLD_BY and not taken.deleted
        at = event_time(taken.created_at, item.seen_at)
        return Member(
            given_id=post.given_id,
            role=tags.claim,
            voice=Voice(
                post=post.id,
                key=card.owner.casefold(),
                owner=card.owner,
                at=at,
                grade=card.grade,
                configured=card.configured,
                repeats=repeats,
                origin_key=theirs.owner.casefold() if theirs else None,
                origin_name=theirs.owner if theirs else None,
                credits=self._credits(post, tags, card.owner),
                pairs=word_pairs(self.matcher.words(post)) if own else (),
                round_up=tags.round_up,
            ),
            at=at,
            seen_at=item.seen_at,
            revision=f"{post.id}@{taken.revised_at.isoformat()}#{taken.content_hash}",
            source=post.source,
            watches=dict(self.matcher.hits(item)) if own else {},
            fresh=not (item.marks.history or self._late(taken)),
            judged=self.matcher.version,
        )

    def _late(self, taken: TakenPost) -> bool:
        """Return whether this revision was seen so long after it was written that it raises no `first` alert."""
        written = event_time(taken.post.created_at, taken.item.seen_at)
        return taken.item.seen_at - written > timedelta(hours=self.rules.options.late_hours)

    def _credits(self, post: Post, tags: Tags, owner: str) -> tuple[tuple[str, str], ...]:
        found = []
        for name in tags.credits:
            handle = name.removeprefix("@")
            card = self.rules.book.by_owner(name) or self.rules.book.card(f"{post.platform}:{handle}")
            if card.owner.casefold() != owner.casefold():
                found.append((card.owner.casefold(), card.owner))
        return tuple(found)

    def _summarise(self, incident: Incident, echoes: Echoes | None = None) -> Facts | None:
        configured = self.rules.book.configured
        return summarise(incident, any_configured=configured, options=self.rules.options, echoes=echoes)

    def _put(self, incident: Incident, now: datetime) -> None:
        """Store the incident with its facts, its lull asked anew where what, who or where has changed, and its place in history."""
        facts, before = self._summarise(incident, self.state.echoes[incident.id]), self.state.facts.get(incident.id)
        if facts is not None and (before is None or _asked_anew(facts, before)):
            quiet = quiet_before(
                happening(incident.id, facts),
                self.state.history,
                self.state.coverage,
                now=now,
                coverage_min=self.rules.options.coverage_min,
            )
            incident = msgspec.structs.replace(incident, quiet=quiet)
        if facts is None and before is not None:
            incident = msgspec.structs.replace(incident, stood=before)
        self.state.put(incident, facts)
        if facts is None or incident.exercise or facts.state != "open":
            self.state.history.forget(incident.id)
        else:
            self.state.history.note(happening(incident.id, facts))

    def _tell(self, touched: Mapping[str, None], taken: TakenPost, changes: Changes) -> None:
        marks = taken.item.marks
        if marks.history:
            changes.suppressed["history"] += 1
            return
        cause = Cause(
            taken.item.seen_at,
            taken.post.given_id,
            fresh=not self._late(taken),
            recorded=bool(taken.item.run),
            deleted=taken.deleted,
        )
        for incident_id in touched:
            self.tell(incident_id, cause, changes, deliver=not marks.no_deliver)

    def tell(self, incident_id: str, cause: Cause, changes: Changes, *, deliver: bool = True) -> None:
        """Raise what each watch is owed now that this incident has changed."""
        incident, facts = self.state.incidents[incident_id], self.state.facts[incident_id]
        told = self.state.told[incident_id]
        wanted = {name: None for member in incident.members for name in member.watches}
        for name in [*wanted, *sorted(name for name in told if name not in wanted)]:
            watch = self.rules.watches.get(name) or Watch(name=name)  # a deleted watch still corrects and withdraws
            step = next_step(watch, incident, facts, told.get(name), cause)
            if step is None and name in self.rules.watches:
                held_by = why_silent(watch, incident, facts, told.get(name), cause)
                changes.suppressed.update([held_by] if held_by else [])
            if step is None or (name not in self.rules.watches and step.step not in OWED):
                continue
            listening = None if cause.recorded else sources_live(self.rules.book, self.state.source_states)
            step = msgspec.structs.replace(step, reasons=(*step.reasons, *filter(None, (listening,))))
            told[name] = step.told
            changes.told[(name, incident_id)] = None
            alert = alert_of(name, incident, facts, step, cause, self.rules.names)
            raised = RaisedAlert(alert, view_of(incident, facts), watch, deliver, incident.exercise)
            changes.alerts.append(raised)


def _asked_anew(facts: Facts, before: Facts) -> bool:
    return (facts.kind, facts.actors, facts.place.place_id, facts.first_at) != (
        before.kind,
        before.actors,
        before.place.place_id,
        before.first_at,
    )
