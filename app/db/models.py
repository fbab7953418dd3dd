"""The tables. Numbers (`change_no`, `seq`) are drawn under the writer lock, so commit order is number order and a cursor never skips."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.types import Body, UtcDateTime
from app.messages import AlertMessage, IncidentView, Tags

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Id = String(300)
Json = Text


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Meta(Base):
    """Single values of the installation: `epoch`, `change_no`, `watches_version`, `config_hash`, `demo`."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class Offset(Base):
    """Where the desk stands in a partition, who holds it, and the ingest id of record `next - 1`."""

    __tablename__ = "offsets"
    topic: Mapped[str] = mapped_column(String(200), primary_key=True)
    partition: Mapped[int] = mapped_column(Integer, primary_key=True)
    next: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str] = mapped_column(String(64))
    last_ingest: Mapped[str | None] = mapped_column(Id)
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LedgerRange(Base):
    """Ingest ids already decided: `first`..`last` inclusive of one spool."""

    __tablename__ = "ledger_ranges"
    spool: Mapped[str] = mapped_column(Id, primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class LedgerCount(Base):
    """How many ingest ids ended as what: stored, duplicate, quarantined, dropped."""

    __tablename__ = "ledger_counts"
    spool: Mapped[str] = mapped_column(Id, primary_key=True)
    outcome: Mapped[str] = mapped_column(String(20), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)


class Spool(Base):
    """How many items a spool has taken in, as it last said."""

    __tablename__ = "spools"
    spool: Mapped[str] = mapped_column(Id, primary_key=True)
    head: Mapped[int] = mapped_column(BigInteger)
    empty_lines: Mapped[int] = mapped_column(BigInteger, default=0)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Post(Base):
    """The revision in force of a post; a deletion leaves the row as a tombstone (`deleted_at` set, text empty)."""

    __tablename__ = "posts"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    given_id: Mapped[str] = mapped_column(Id)
    platform: Mapped[str] = mapped_column(String(30))
    author: Mapped[str] = mapped_column(Id)
    author_name: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revised_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    content_hash: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    lang: Mapped[str | None] = mapped_column(String(35))
    url: Mapped[str | None] = mapped_column(Text)
    repost_of: Mapped[str | None] = mapped_column(Id)
    quote_of: Mapped[str | None] = mapped_column(Id)
    reply_to: Mapped[str | None] = mapped_column(Id)
    media: Mapped[list[str]] = mapped_column(Body(list[str]))
    flags: Mapped[list[str]] = mapped_column(Body(list[str]))
    marks: Mapped[list[str]] = mapped_column(Body(list[str]))
    tags: Mapped[Tags | None] = mapped_column(Body(Tags))
    ingest: Mapped[str] = mapped_column(Id)
    change_no: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_posts_source_seen", "source", "seen_at"),
        Index("ix_posts_seen", "seen_at"),
        Index("ix_posts_change", "change_no"),
    )


class Revision(Base):
    """Every revision that was ever in force, oldest first by `revised_at`."""

    __tablename__ = "revisions"
    post_id: Mapped[str] = mapped_column(Id, primary_key=True)
    revised_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tags: Mapped[Tags | None] = mapped_column(Body(Tags))


class Quarantine(Base):
    """What could not be a post: why, from where, and the bytes (the first 4 KiB) for a replay after a fix."""

    __tablename__ = "quarantine"
    ingest: Mapped[str] = mapped_column(Id, primary_key=True)
    reason: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Id)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    head: Mapped[bytes] = mapped_column(LargeBinary)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Incident(Base):
    """An incident: `body` is the desk's whole state of it, `view` what everybody sees; the columns are for finding it."""

    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    country: Mapped[str] = mapped_column(String(2))
    lat: Mapped[float] = mapped_column(Float)
    lon: Mapped[float] = mapped_column(Float)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    level: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(12))
    exercise: Mapped[bool] = mapped_column(default=False)
    view: Mapped[IncidentView] = mapped_column(Body(IncidentView))
    body: Mapped[str] = mapped_column(Text)
    change_no: Mapped[int] = mapped_column(BigInteger)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    __table_args__ = (
        Index("ix_incidents_last", "last_at"),
        Index("ix_incidents_change", "change_no"),
        Index("ix_incidents_first", "first_at"),
    )


class IncidentPost(Base):
    """Which posts belong to which incident, and as what: report, aftermath, denial, threat ..."""

    __tablename__ = "incident_posts"
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    post_id: Mapped[str] = mapped_column(Id, primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    __table_args__ = (Index("ix_incident_posts_post", "post_id"),)


class Alert(Base):
    """A numbered, immutable decision. `incident_view` is the incident as it stood when the alert was raised."""

    __tablename__ = "alerts"
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    incident_id: Mapped[str] = mapped_column(String(40))
    watch: Mapped[str] = mapped_column(String(200))
    step: Mapped[str] = mapped_column(String(12))
    level: Mapped[str] = mapped_column(String(12))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
    exercise: Mapped[bool] = mapped_column(default=False)
    body: Mapped[AlertMessage] = mapped_column(Body(AlertMessage))
    incident_view: Mapped[IncidentView] = mapped_column(Body(IncidentView))
    __table_args__ = (Index("ix_alerts_incident", "incident_id"), Index("ix_alerts_created", "created_at"))


class Delivery(Base):
    """One alert for one destination: the outbox row. Due when `next_at` has passed; claimed by moving `next_at` on (a lease).

    `state`: pending, delivered, digested, cancelled (why in `detail`), expired. There is no "sending".
    `notice` is set instead of an alert where the system speaks of itself (then `alert_id` and `incident_id` are empty).
    """

    __tablename__ = "deliveries"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    destination: Mapped[str] = mapped_column(String(200))
    alert_id: Mapped[str] = mapped_column(String(40))
    incident_id: Mapped[str] = mapped_column(String(40))
    severity: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(12), default="pending")
    detail: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    notice: Mapped[str | None] = mapped_column(Text)
    __table_args__ = (
        Index("ix_deliveries_due", "state", "next_at"),
        Index("ix_deliveries_destination", "destination", "state"),
        Index("ix_deliveries_alert", "alert_id"),
    )


class Attempt(Base):
    """One attempt at a delivery and what came of it."""

    __tablename__ = "attempts"
    delivery_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(20))
    detail: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float] = mapped_column(Float)


class LiveMessage(Base):
    """The one message that a destination shows for an incident (Slack channel and ts), edited in place."""

    __tablename__ = "live_messages"
    destination: Mapped[str] = mapped_column(String(200), primary_key=True)
    incident_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    reference: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(String(12))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class DestinationState(Base):
    """What the sender knows of a destination: paused until, failing since, disabled why. `failures` and `refusals` are in a row."""

    __tablename__ = "destination_states"
    destination: Mapped[str] = mapped_column(String(200), primary_key=True)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    refusals: Mapped[int] = mapped_column(Integer, default=0)
    last_success_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    detail: Mapped[str] = mapped_column(Text, default="")


class Source(Base):
    """A configured source. `body` holds producer options as JSON. `owned_by_file`: named in watchdesk.toml. Retired, never deleted."""

    __tablename__ = "sources"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(300))
    grade: Mapped[str] = mapped_column(String(1))
    area: Mapped[str | None] = mapped_column(String(300))
    rights: Mapped[str] = mapped_column(String(30), default="full")
    body: Mapped[str] = mapped_column(Json, default="{}")
    owned_by_file: Mapped[bool] = mapped_column(default=False)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    change_no: Mapped[int] = mapped_column(BigInteger, default=0)


class SourceStatus(Base):
    """What the producers last said of a source, and its habit (`usual_gap_s`: median seconds between its posts)."""

    __tablename__ = "source_status"
    source: Mapped[str] = mapped_column(Id, primary_key=True)
    state: Mapped[str] = mapped_column(String(20), default="unknown")
    detail: Mapped[str] = mapped_column(Text, default="")
    reconnects: Mapped[int] = mapped_column(Integer, default=0)
    backlog: Mapped[int] = mapped_column(Integer, default=0)
    spend_usd: Mapped[float] = mapped_column(Float, default=0.0)
    last_post_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    usual_gap_s: Mapped[float | None] = mapped_column(Float)
    posts: Mapped[int] = mapped_column(BigInteger, default=0)
    said_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SourceCountry(Base):
    """In which countries the reports of a source were last placed: what a source without an area covers."""

    __tablename__ = "source_countries"
    source: Mapped[str] = mapped_column(Id, primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CoverageInterval(Base):
    """A closed interval in which a source was truly read; neighbours are merged."""

    __tablename__ = "coverage"
    source: Mapped[str] = mapped_column(Id, primary_key=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    end: Mapped[datetime] = mapped_column(UtcDateTime)


class Run(Base):
    """A replay run: its sources are read from `start` to `end` (the last `seen_at`), gaps excepted."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    sources: Mapped[list[str]] = mapped_column(Body(list[str]))
    start: Mapped[datetime] = mapped_column(UtcDateTime)
    end: Mapped[datetime] = mapped_column(UtcDateTime)


class GapRow(Base):
    """A time in which something was not read. `source` None: all of the run. `scope` is "source", "run" or "log"."""

    __tablename__ = "gaps"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    source: Mapped[str | None] = mapped_column(Id)
    run: Mapped[str | None] = mapped_column(Id)
    scope: Mapped[str] = mapped_column(String(10))
    start: Mapped[datetime] = mapped_column(UtcDateTime)
    end: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Text)
    filled: Mapped[bool] = mapped_column(default=False)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Watch(Base):
    """A desk's standing rule. The name is the id. `body` holds triggers, destinations and cooldown as JSON."""

    __tablename__ = "watches"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    rule: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Json, default="{}")
    version: Mapped[int] = mapped_column(Integer, default=1)
    owned_by_file: Mapped[bool] = mapped_column(default=False)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    change_no: Mapped[int] = mapped_column(BigInteger, default=0)


class WatchIncident(Base):
    """What a watch has been told of an incident: the last step, its numbers, and the state it was told."""

    __tablename__ = "watch_incidents"
    watch: Mapped[str] = mapped_column(String(200), primary_key=True)
    incident_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    body: Mapped[str] = mapped_column(Json)


class Destination(Base):
    """Where alerts go. `body` holds the options; a secret is named by variable or stored encrypted in `secret`."""

    __tablename__ = "destinations"
    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    type: Mapped[str] = mapped_column(String(30))
    body: Mapped[str] = mapped_column(Json, default="{}")
    secret: Mapped[str | None] = mapped_column(Text)
    old_secret: Mapped[str | None] = mapped_column(Text)
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    owned_by_file: Mapped[bool] = mapped_column(default=False)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    change_no: Mapped[int] = mapped_column(BigInteger, default=0)


class Audit(Base):
    """Who did what to what, when and why: append-only."""

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Id)
    why: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Json, default="{}")
    change_no: Mapped[int] = mapped_column(BigInteger)


class ApiKey(Base):
    """An API key: its SHA-256, never itself. Scopes: read, ack, rules, admin."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(Body(list[str]))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Idempotency(Base):
    """The answer that a write with an Idempotency-Key got, for 24 h."""

    __tablename__ = "idempotency"
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WaitingPost(Base):
    """A denial or threat that found no incident yet and is tried on those that open within its hours."""

    __tablename__ = "waiting_posts"
    post_id: Mapped[str] = mapped_column(Id, primary_key=True)
    body: Mapped[str] = mapped_column(Text)


class Inbox(Base):
    """Posts that a person or a drill handed in; the inbox producer takes them into its spool and deletes them."""

    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
    line: Mapped[str] = mapped_column(Text)
    exercise: Mapped[bool] = mapped_column(default=False)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Hold(Base):
    """A source or post kept against deletion: by whom, why, until when."""

    __tablename__ = "holds"
    subject: Mapped[str] = mapped_column(Id, primary_key=True)
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime)
