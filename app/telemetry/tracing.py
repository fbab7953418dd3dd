"""OpenTelemetry, off by default: a span for each batch of a stage and for each delivery, sent by OTLP over HTTP.

On where `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the extra `otel` is installed; the other `OTEL_*` variables mean what they mean everywhere.
A collector that is away costs spans and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

EXPORT_S = 2.0  # for one export, so that a collector that is away does not keep a role from stopping

log = structlog.get_logger(__name__)

Attribute = str | int | float | bool


class Tracing:
    """Makes spans, or nothing where there is no tracer."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, **attributes: Attribute | None) -> Iterator[None]:
        """Time the block as a span; an error that leaves it is recorded. Attributes become `watchdesk.<name>`; None is left out."""
        if self._tracer is None:
            yield
            return
        known = {f"watchdesk.{key}": value for key, value in attributes.items() if value is not None}
        with self._tracer.start_as_current_span(name, attributes=known):
            yield


@asynccontextmanager
async def open_tracing(*, wanted: bool, role: str) -> AsyncIterator[Tracing]:
    """Export spans of this role until the block ends, where that is wanted and can be done."""
    if not wanted:
        yield Tracing()
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, and the extra is not installed: pip install 'watchdesk[otel]'")
        yield Tracing()
        return
    about = {"service.name": "watchdesk", "service.version": version("watchdesk"), "watchdesk.role": role}
    exporter = OTLPSpanExporter(timeout=EXPORT_S)
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Tracing(provider.get_tracer("watchdesk"))
    finally:
        await asyncio.to_thread(_close, provider, exporter)


def _close(provider: TracerProvider, exporter: OTLPSpanExporter) -> None:
    provider.force_flush(int(EXPORT_S * 1000))
    for one in (exporter, provider):  # the exporter first: it ends the waits between its own retries
        shut_down: Callable[[], object] = getattr(one, "shutdown")  # noqa: B009 - typed in some releases, untyped in others
        shut_down()
