"""Every metric, declared once, with its closed label sets: each series exists from the start at zero, so a rule never meets a hole.

No label ever holds an id, a handle or a free text. `Metrics.table` is what the documents print.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from app.errors import Reason

PLATFORMS = ("bluesky", "feed", "inbox", "mastodon", "replay", "telegram", "x", "other")
STATES = ("live", "connecting", "paused", "refused", "stopped", "unknown")
STAGES = ("tag", "desk", "notify")
LEVELS = ("reported", "likely", "confirmed")
KINDS = (
    "air_strike",
    "shelling",
    "armed_clash",
    "chemical_weapon",
    "suicide_bomb",
    "remote_explosive",
    "attack_on_civilians",
    "abduction",
    "protest",
    "explosion_unspecified",
    "other_event",
)
STEPS = ("first", "promoted", "updated", "corrected", "withdrawn")
SUPPRESSED = ("history", "late", "cooldown", "trigger", "exercise", "terms")
OUTCOMES = ("received", "stored", "duplicate", "quarantined", "dropped", "in_flight")
ERRORS = ("unavailable", "bad_record", "bug", "damaged")
DESTINATIONS = ("slack", "webhook", "apprise", "stream", "null")
ATTEMPTS = ("delivered", "digested", "temporary", "permanent", "cancelled", "expired")
DROPS = ("frozen", "reset", "limit")
CLOCKS = ("build", "database", "receivers")

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)

Kind = Literal["counter", "gauge", "histogram"]
Labels = dict[str, tuple[str, ...]]


class Row(NamedTuple):
    """A metric as the documents show it. A label's values are its closed set; empty where they come from the program itself."""

    name: str
    type: Kind
    labels: Labels
    meaning: str


class Declare:
    """Makes metrics on one registry, each with its row in the table and its series at zero."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.table: list[Row] = []

    def counter(self, name: str, meaning: str, **labels: tuple[str, ...]) -> Counter:
        metric = Counter(name, meaning, list(labels), registry=self.registry)
        self._row(Row(name, "counter", labels, meaning), metric)
        return metric

    def gauge(self, name: str, meaning: str, **labels: tuple[str, ...]) -> Gauge:
        metric = Gauge(name, meaning, list(labels), registry=self.registry)
        self._row(Row(name, "gauge", labels, meaning), metric)
        return metric

    def histogram(self, name: str, meaning: str, buckets: Sequence[float], **labels: tuple[str, ...]) -> Histogram:
        metric = Histogram(name, meaning, list(labels), buckets=buckets, registry=self.registry)
        self._row(Row(name, "histogram", labels, meaning), metric)
        return metric

    def _row(self, row: Row, metric: Counter | Gauge | Histogram) -> None:
        self.table.append(row)
        if row.labels:
            for values in product(*row.labels.values()):
                metric.labels(*values)


class SourceMetrics:
    """What producers see of their sources, by platform: single sources are shown by the API."""

    def __init__(self, declare: Declare) -> None:
        name = "watchdesk_source"
        self.last_post = declare.gauge(
            f"{name}_last_post_timestamp_seconds", "When the last post came, as a Unix time.", platform=PLATFORMS
        )
        self.count = declare.gauge("watchdesk_sources", "Sources in each state.", platform=PLATFORMS, state=STATES)
        self.silent = declare.gauge(
            "watchdesk_sources_silent", "Sources that are live and quiet far beyond their habit.", platform=PLATFORMS
        )
        self.reconnects = declare.counter(f"{name}_reconnects_total", "Connections made anew.", platform=PLATFORMS)
        self.gaps = declare.counter(f"{name}_gaps_total", "Times in which a source was not read.", platform=PLATFORMS)
        self.gap_seconds = declare.counter(f"{name}_gap_seconds_total", "How long they lasted.", platform=PLATFORMS)
        self.backlog = declare.gauge(
            f"{name}_backlog_items", "Received items that wait for the disk.", platform=PLATFORMS
        )
        self.spend = declare.gauge(
            f"{name}_spend_dollars", "Spent on this platform's API today, by UTC.", platform=PLATFORMS
        )


class ItemMetrics:
    """What became of every item: the conservation law."""

    def __init__(self, declare: Declare) -> None:
        self.received = declare.counter("watchdesk_items_received_total", "Items taken in.", platform=PLATFORMS)
        self.empty_lines = declare.counter("watchdesk_empty_lines_total", "Empty lines passed over; they are no items.")
        self.quarantined = declare.counter(
            "watchdesk_items_quarantined_total", "Items that could not be a post.", reason=tuple(Reason)
        )
        self.ledger = declare.gauge(
            "watchdesk_ledger_items", "The ledger: what every item received so far became.", outcome=OUTCOMES
        )
        self.delay = declare.histogram(
            "watchdesk_ingest_delay_seconds", "From a post's own time to our receipt.", SLOW, platform=PLATFORMS
        )
        self.held = declare.gauge(
            "watchdesk_intake_held", "1 while nothing is taken in because the disk has no room for it."
        )
        self.spool_items = declare.gauge("watchdesk_spool_items", "Items in the spool that the log has not taken yet.")
        self.spool_oldest = declare.gauge(
            "watchdesk_spool_oldest_timestamp_seconds",
            "When the oldest of them came, as a Unix time; 0 where none waits.",
        )


class StageMetrics:
    """How the stages keep up."""

    def __init__(self, declare: Declare) -> None:
        name = "watchdesk_stage"
        self.records = declare.counter(f"{name}_records_total", "Records handled.", stage=STAGES)
        self.duration = declare.histogram(f"{name}_duration_seconds", "Time for one batch.", FAST, stage=STAGES)
        self.errors = declare.counter(f"{name}_errors_total", "Batches that failed.", stage=STAGES, cause=ERRORS)
        self.lag_records = declare.gauge(f"{name}_lag_records", "Records that wait.", stage=STAGES)
        self.lag_seconds = declare.gauge(
            f"{name}_lag_seconds", "Age of the record handled last, as it was read.", stage=STAGES
        )
        self.paused = declare.gauge(
            f"{name}_paused", "1 while the stage waits for something that is down.", stage=STAGES
        )
        self.latency = declare.histogram(
            "watchdesk_post_latency_seconds",
            "From our receipt of a post to the end of the stage; for notify, to the delivery of its alert.",
            SLOW,
            stage=STAGES,
        )
        self.watchdog = declare.gauge(
            "watchdesk_watchdog_timestamp_seconds",
            "When the last exercise post left the stage, as a Unix time.",
            stage=STAGES,
        )


class DeskMetrics:
    """Incidents and alerts; exercises are not counted."""

    def __init__(self, declare: Declare) -> None:
        self.opened = declare.counter("watchdesk_incidents_opened_total", "Incidents opened.", kind=KINDS)
        self.incidents = declare.gauge("watchdesk_incidents_open", "Open incidents.", level=LEVELS)
        self.alerts = declare.counter("watchdesk_alerts_total", "Alerts raised.", step=STEPS, level=LEVELS)
        self.suppressed = declare.counter("watchdesk_alerts_suppressed_total", "Alerts held back.", cause=SUPPRESSED)
        self.last_stored = declare.gauge(
            "watchdesk_last_stored_timestamp_seconds", "When anything was last stored, as a Unix time."
        )


class DeliveryMetrics:
    """What left, and what waits."""

    def __init__(self, declare: Declare) -> None:
        self.attempts = declare.counter(
            "watchdesk_delivery_attempts_total", "Attempts, and ends without one.", type=DESTINATIONS, outcome=ATTEMPTS
        )
        self.duration = declare.histogram(
            "watchdesk_delivery_duration_seconds", "Time for one attempt.", FAST, type=DESTINATIONS
        )
        self.pending = declare.gauge("watchdesk_outbox_pending", "Deliveries that wait.", type=DESTINATIONS)
        self.oldest = declare.gauge(
            "watchdesk_outbox_oldest_timestamp_seconds",
            "When the oldest of them was raised, as a Unix time; 0 where none waits.",
            type=DESTINATIONS,
        )
        self.disabled = declare.gauge(
            "watchdesk_destinations_disabled", "Destinations switched off.", type=DESTINATIONS
        )


class HttpMetrics:
    """The API. Routes are templates (`/v1/alerts/{id}`), made known by the application when it is built."""

    def __init__(self, declare: Declare) -> None:
        self.requests = declare.counter(
            "watchdesk_http_requests_total", "Requests answered.", **_open("route", "status")
        )
        self.duration = declare.histogram(
            "watchdesk_http_request_duration_seconds", "Time to the last byte of an answer; streams are left out.", FAST,
            **_open("route"),
        )  # fmt: skip
        self.sse_clients = declare.gauge("watchdesk_sse_clients", "Open alert streams.")
        self.sse_events = declare.counter("watchdesk_sse_events_total", "Alerts written to streams.")
        self.sse_dropped = declare.counter("watchdesk_sse_dropped_total", "Streams that we ended.", cause=DROPS)

    def know(self, routes: Sequence[str]) -> None:
        """Set the series of these route templates to zero."""
        for route in routes:
            self.duration.labels(route)
            for status in ("2xx", "3xx", "4xx", "5xx"):
                self.requests.labels(route, status)


class ProcessMetrics:
    """The process itself and what it hangs on."""

    def __init__(self, declare: Declare) -> None:
        self.build = declare.gauge("watchdesk_build_info", "1, with the version that runs.", **_open("version", "role"))
        self.loop_lag = declare.histogram(
            "watchdesk_loop_lag_seconds", "How late the event loop woke up from a wait of known length.", FAST
        )
        self.database_up = declare.gauge("watchdesk_database_up", "1 while the database answers.")
        self.stream_up = declare.gauge("watchdesk_stream_up", "1 while the log answers.")
        self.home_free = declare.gauge("watchdesk_home_free_bytes", "Free space where the home lies.")
        self.config_differs = declare.gauge(
            "watchdesk_config_differs", "1 where this process read another watchdesk.toml than the one applied."
        )
        self.clock_offset = declare.gauge(
            "watchdesk_clock_offset_seconds",
            "How far our clock is ahead of another (below zero: behind it), as far as that is known; `build`: while it is before this build was made.",
            against=CLOCKS,
        )


class Metrics:
    """All metrics of a process, on a registry of its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        declare = Declare(registry or CollectorRegistry())
        self.registry = declare.registry
        self.sources = SourceMetrics(declare)
        self.items = ItemMetrics(declare)
        self.stages = StageMetrics(declare)
        self.desk = DeskMetrics(declare)
        self.deliveries = DeliveryMetrics(declare)
        self.http = HttpMetrics(declare)
        self.process = ProcessMetrics(declare)
        self.table: tuple[Row, ...] = tuple(declare.table)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the exposition in the form that `accept` asks for, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def platform_label(platform: str) -> str:
    """Return the label value of a platform: those that we read ourselves by name, the rest as "other"."""
    return {"rss": "feed", "web": "feed"}.get(platform, platform if platform in PLATFORMS else "other")


def markdown(table: Sequence[Row]) -> str:
    """Return the table as the documents hold it."""
    lines = ["| Metric | Type | Labels | Meaning |", "|---|---|---|---|"]
    for row in table:
        labels = "; ".join(
            f"`{name}`" + (f": {', '.join(values)}" if values else "") for name, values in row.labels.items()
        )
        lines.append(f"| `{row.name}` | {row.type} | {labels} | {row.meaning} |")
    return "\n".join(lines) + "\n"


def _open(*names: str) -> Labels:
    """Return labels whose values the program itself makes known: few, and never a user's."""
    return dict.fromkeys(names, ())
