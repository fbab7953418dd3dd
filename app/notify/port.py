"""The notifier port: what the sender asks of a kind of destination. One attempt a call; schedule, retries and records are the sender's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.messages import AlertMessage, IncidentView


@dataclass(frozen=True, slots=True)
class PostShown:
    """A post as an alert may show it. `text` is None where only the reference may leave, or the author deleted the post.

    `recalled`: its words must go within a day of their deletion, so they may stand only where they can be taken back.
    """

    id: str
    author: str
    author_name: str | None
    text: str | None
    posted_at: datetime | None
    seen_at: datetime
    url: str | None
    deleted: bool = False
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class SourcesLive:
    """How many of the configured sources were being read."""

    live: int
    total: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One alert on its way to one destination. `id` is the delivery's: the same at every attempt, so that a receiver can drop doubles.

    `incident` is what it was when the alert was raised, `previous` what this destination was told before, if anything.
    `live` is the reference that the notifier gave for the message that now stands for the incident. `also`: older alerts
    of the same incident that this one carries. `cause` is the post that caused the alert, `post` the incident's first one. `pressed`: what an editor did to it last, and who.
    """

    id: str
    alert: AlertMessage
    incident: IncidentView
    now: datetime
    post: PostShown | None = None
    cause: PostShown | None = None
    sources: SourcesLive | None = None
    previous: IncidentView | None = None
    live: str | None = None
    exercise: bool = False
    demo: bool = False
    also: tuple[AlertMessage, ...] = ()
    pressed: str | None = None

    @property
    def news(self) -> bool:
        """Whether this destination hears of the incident for the first time, whatever the newest step is."""
        return self.previous is None and self.alert.step not in {"corrected", "withdrawn"}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this alert was raised, and those that it carries: each reason once, oldest first."""
        return tuple(dict.fromkeys(reason for alert in (*self.also, self.alert) for reason in alert.reasons))


@dataclass(frozen=True, slots=True)
class Digest:
    """Alerts that waited out an outage, oldest first, for one message."""

    id: str
    alerts: tuple[AlertMessage, ...]
    now: datetime
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the system about itself: a destination that was switched off, alerts that expired, a test."""

    id: str
    text: str
    now: datetime
    demo: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """It arrived. `reference` finds the message again (Slack: `channel:ts`), where the destination gives one."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not arrive, or we cannot know. `retry` False: this very message will never be taken.

    `retry_after`: seconds that the other side asked us to leave it alone. `refused`: it answered and does not want us
    (as against being away). `disable`: it is gone for good. `ours`: the fault is on our side and says nothing of the destination;
    `bug`: and it is one of our code.
    """

    retry: bool
    reason: str
    retry_after: float | None = None
    disable: bool = False
    refused: bool = False
    ours: bool = False
    bug: bool = False


Message = Outgoing | Digest | Notice
Outcome = Delivered | Failed


class Notifier(Protocol):
    """A kind of destination, set up for one. Sends once and never raises for what the other side did."""

    @property
    def concurrency(self) -> int:
        """How many sends may run at once."""
        ...

    @property
    def gathers(self) -> bool:
        """True where people read it: alerts of one incident become one message, a backlog a digest."""
        ...

    async def send(self, message: Message) -> Outcome: ...
