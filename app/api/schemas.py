"""What the API answers, as structs: the OpenAPI document is made from these very types, so the two cannot differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from app.api.problems import ProblemBody
from app.domain.backtest import Backtest
from app.domain.rule_explain import Explanation
from app.domain.watches import Triggers
from app.messages import AlertMessage, IncidentView, Tags


class AlertPage(msgspec.Struct, frozen=True):
    """Alerts in the order of their numbers. Pass `next` back as `cursor`, whether or not there is `more` now.

    `stale_since`: nothing new of any kind was stored since then; null while we are up to date. `demo`: all of this is invented.
    """

    items: list[AlertMessage]
    next: str
    more: bool
    stale_since: datetime | None
    demo: bool


class AlertDetail(AlertMessage, frozen=True):
    """An alert with its own cursor, and the incident as it stood when the alert was raised. `exercise`: a test, not an event."""

    cursor: str
    stored_at: datetime
    exercise: bool
    incident_then: IncidentView
    stale_since: datetime | None
    demo: bool


class IncidentPage(msgspec.Struct, frozen=True):
    """Incidents in the order of their last change: a reader that follows `next` sees each again whenever it changes."""

    items: list[IncidentView]
    next: str
    more: bool
    stale_since: datetime | None
    demo: bool


class Point(msgspec.Struct, frozen=True):
    """The centre of an area: longitude, latitude."""

    coordinates: tuple[float, float]
    type: Literal["Point"] = "Point"


class Properties(msgspec.Struct, frozen=True):
    """An incident without its centre, which is the geometry."""

    incident: IncidentView
    radius_km: float
    title: str


class Feature(msgspec.Struct, frozen=True):
    """An incident as GeoJSON."""

    id: str
    geometry: Point
    properties: Properties
    type: Literal["Feature"] = "Feature"


class FeatureCollection(msgspec.Struct, frozen=True):
    """Incidents as GeoJSON (RFC 7946), with the members of a page beside it."""

    features: list[Feature]
    next: str
    more: bool
    stale_since: datetime | None
    demo: bool
    type: Literal["FeatureCollection"] = "FeatureCollection"


class PostBrief(msgspec.Struct, frozen=True):
    """A post as an incident shows it. `text` is null where the source's rights or a deletion withhold it (`withheld` says why)."""

    id: str
    given_id: str
    role: str
    platform: str
    author: str
    author_name: str | None
    created_at: datetime | None
    seen_at: datetime
    deleted_at: datetime | None
    text: str | None
    withheld: str | None
    lang: str | None
    url: str | None


class ActionView(msgspec.Struct, frozen=True):
    """What an editor did to an incident."""

    at: datetime
    who: str
    action: str
    why: str


class IncidentDetail(IncidentView, frozen=True):
    """An incident with its posts, the alerts that it raised and what editors did. `exercise`: a test, not an event."""

    exercise: bool
    post_details: list[PostBrief]
    alerts: list[AlertMessage]
    actions: list[ActionView]
    stale_since: datetime | None
    demo: bool


class ActionAnswer(msgspec.Struct, frozen=True):
    """The incident as it is now, and the alerts that went out because of the action."""

    incident: IncidentView
    alerts: list[AlertMessage]


class RevisionView(msgspec.Struct, frozen=True):
    """What a post said from `revised_at` on."""

    revised_at: datetime
    seen_at: datetime
    content_hash: str
    text: str | None
    tags: Tags | None


class IncidentRole(msgspec.Struct, frozen=True):
    """An incident that a post belongs to, and as what."""

    incident: str
    role: str


class PostDetail(msgspec.Struct, frozen=True):
    """A post as it is in force, with every revision, what was read in it, and where it counts.

    `owner` and `grade` are null where no source is configured for its account. `withheld` says why `text` is null.
    """

    id: str
    given_id: str
    platform: str
    author: str
    author_name: str | None
    source: str
    owner: str | None
    grade: str | None
    created_at: datetime | None
    seen_at: datetime
    stored_at: datetime
    revised_at: datetime
    deleted_at: datetime | None
    text: str | None
    withheld: str | None
    lang: str | None
    url: str | None
    repost_of: str | None
    quote_of: str | None
    reply_to: str | None
    media: list[str]
    flags: list[str]
    marks: list[str]
    tags: Tags | None
    revisions: list[RevisionView]
    incidents: list[IncidentRole]
    stale_since: datetime | None
    demo: bool


class Accepted(msgspec.Struct, frozen=True):
    """A post that was handed in: it goes the way of every other post, and stands under `post` within seconds."""

    post: str
    status: Literal["accepted"] = "accepted"


class SourceView(msgspec.Struct, frozen=True):
    """A source: what is configured of it, and what its producer last said. `configured` false: an author that only its posts named.

    `covered_until`: up to when it was read without a gap; `open_gaps`: times in which it was not read and that were not filled since.
    `usual_gap_s`: seconds that usually pass between its posts; `silent_since`: it is read, and quiet far beyond that.
    """

    id: str
    owner: str
    grade: str
    area: str | None
    rights: str
    configured: bool
    owned_by_file: bool
    retired_at: datetime | None
    version: int
    state: str
    detail: str
    last_post_at: datetime | None
    said_at: datetime | None
    posts: int
    reconnects: int
    backlog: int
    spend_usd: float
    covered_until: datetime | None
    open_gaps: int
    usual_gap_s: float | None = None
    silent_since: datetime | None = None


class GapView(msgspec.Struct, frozen=True):
    """A time in which a source was not read, and why. `filled`: what was published in it has been fetched since."""

    start: datetime
    end: datetime
    reason: str
    filled: bool


class CoveredView(msgspec.Struct, frozen=True):
    """A time in which a source was truly read."""

    start: datetime
    end: datetime


class SourceDetail(SourceView, frozen=True, kw_only=True):
    """A source with its last 50 gaps, newest first, and when it was read in the last seven days, oldest first."""

    gaps: list[GapView]
    covered: list[CoveredView]


class SourceList(msgspec.Struct, frozen=True):
    """Every source that is configured or was heard of, by id."""

    items: list[SourceView]
    stale_since: datetime | None
    demo: bool


class DestinationView(msgspec.Struct, frozen=True):
    """Where alerts go, without its secrets. `state`: "good", "failing", "paused", "disabled" or "unusable" (`detail` says why)."""

    name: str
    type: str
    options: dict[str, Any]
    url_env: str | None
    token_env: str | None
    owned_by_file: bool
    version: int
    state: str
    detail: str
    last_success_at: datetime | None
    failing_since: datetime | None
    paused_until: datetime | None


class DestinationList(msgspec.Struct, frozen=True):
    """The destinations in force, by name."""

    items: list[DestinationView]


class AttemptView(msgspec.Struct, frozen=True):
    """One attempt at a delivery."""

    number: int
    at: datetime
    outcome: str
    detail: str
    seconds: float


class DeliveryView(msgspec.Struct, frozen=True):
    """One alert on its way to one destination, with every attempt. It ends delivered, digested, cancelled or expired."""

    id: str
    alert: str
    incident: str
    state: str
    detail: str
    created_at: datetime
    next_at: datetime
    ended_at: datetime | None
    attempts: list[AttemptView]


class DeliveryList(msgspec.Struct, frozen=True):
    """Deliveries, newest first."""

    items: list[DeliveryView]


class Queued(msgspec.Struct, frozen=True):
    """How many deliveries will go out now, and their ids where they are new."""

    queued: int
    deliveries: list[str]


class NewSecret(msgspec.Struct, frozen=True):
    """A signing secret: shown this once. The one before it signs along for a day."""

    secret: str


class WatchView(msgspec.Struct, frozen=True):
    """A standing rule. `owned_by_file`: watchdesk.toml names it, and only there it can be changed."""

    name: str
    rule: str
    triggers: Triggers
    destinations: list[str]
    cooldown_s: int
    version: int
    owned_by_file: bool


class WatchList(msgspec.Struct, frozen=True):
    """The watches in force, by name."""

    items: list[WatchView]


class ExplainAnswer(msgspec.Struct, frozen=True):
    """Whether a rule holds for a post: what decided in sentences, the rule's parts as a tree, and what was read in the post."""

    matched: bool
    sentences: list[str]
    tree: Explanation
    tags: Tags


class Health(msgspec.Struct, frozen=True):
    """Whether the process is well; `detail` says what is missing, `degraded` what of the rest does not work while reads are answered."""

    status: str
    detail: str | None = None
    degraded: tuple[str, ...] = ()


ANSWERS: tuple[Any, ...] = (
    AlertPage,
    AlertDetail,
    IncidentPage,
    IncidentDetail,
    FeatureCollection,
    PostDetail,
    Health,
    ProblemBody,
    ActionAnswer,
    Accepted,
    SourceList,
    SourceView,
    SourceDetail,
    DestinationList,
    DestinationView,
    DeliveryList,
    Queued,
    NewSecret,
    WatchList,
    WatchView,
    ExplainAnswer,
    Backtest,
)


def components(answers: tuple[Any, ...] = ANSWERS) -> dict[str, Any]:
    """Return the JSON Schemas of all answers for `components/schemas` of the OpenAPI document."""
    _, found = msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")
    return found
