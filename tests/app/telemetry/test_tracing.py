from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.clock import SystemClock
from app.streams.port import StreamRecord
from app.telemetry.tracing import Tracing, open_tracing
from consumers.measures import timed
from tests.rows import message
from tests.sending import sending

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(ThreadingHTTPServer):
    """Takes what OTLP over HTTP brings: `spans` and the attributes of their `resources`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = ExportTraceServiceRequest.FromString(
            gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        )
        for one in asked.resource_spans:
            self.server.resources.append({pair.key: pair.value.string_value for pair in one.resource.attributes})
            self.server.spans += [span for scope in one.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has
        """Say nothing."""


@contextmanager
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        try:
            yield collector
        finally:
            collector.shutdown()


def attributes(span: Span) -> dict[str, str | int]:
    return {
        pair.key.removeprefix("watchdesk."): pair.value.string_value or pair.value.int_value for pair in span.attributes
    }


async def test_batches_and_deliveries_are_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(monkeypatch) as collector:
        async with open_tracing(wanted=True, role="run") as tracing, sending(tmp_path, SystemClock()) as desk:
            desk.resources.tracing = tracing
            await desk.add("slow", "webhook", url="http://127.0.0.1:9/closed")
            async with desk.run():
                await desk.raise_alerts([message(1)], ["slow"])
                with timed(desk.resources, "tag", [StreamRecord("posts", 2, 7, "key", b"", 0.0)]):
                    pass
                while not await desk.attempts():
                    await desk.clock.sleep(0.02)

    assert {one["watchdesk.role"] for one in collector.resources} == {"run"}
    assert {one["service.name"] for one in collector.resources} == {"watchdesk"}
    batch, *_ = [span for span in collector.spans if span.name == "tag batch"]
    assert attributes(batch) == {"records": 1, "topic": "posts", "partition": 2, "offset": 7}
    delivery, *_ = [span for span in collector.spans if span.name == "delivery"]
    assert attributes(delivery)["alert"] == message(1).id


async def test_an_error_is_recorded_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(monkeypatch) as collector:
        async with open_tracing(wanted=True, role="desk") as tracing:
            with pytest.raises(KeyError), tracing.span("desk batch"):
                raise KeyError("missing")
    (span,) = collector.spans
    assert span.status.code == span.status.STATUS_CODE_ERROR


async def test_a_collector_that_is_away_costs_two_seconds_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    clock = SystemClock()
    async with open_tracing(wanted=True, role="run") as tracing:
        with tracing.span("tag batch"):
            pass
        before = clock.monotonic()
    assert clock.monotonic() - before < 5


async def test_nothing_is_made_where_nobody_asked() -> None:
    async with open_tracing(wanted=False, role="run") as tracing:
        with tracing.span("tag batch", records=1):
            pass
    with Tracing().span("desk batch"):
        pass
