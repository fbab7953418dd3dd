from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest

from app.telemetry.logging import HIDDEN, MAX_FIELD, Scrubber, configure_logging, get_logger, trace


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_trace() -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out)
    get_logger("consumers.desk").info("stored", posts=3, **trace("spool:7"))
    (event,) = lines(out)
    assert event["event"] == "stored"
    assert (event["level"], event["logger"], event["posts"], event["trace_id"]) == (
        "info",
        "consumers.desk",
        3,
        "spool:7",
    )
    assert event["timestamp"].endswith("Z")


def test_libraries_log_through_the_same_chain() -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out, secrets=["hush-hush-hush"])
    logging.getLogger("aiokafka").warning("cannot reach %s with hush-hush-hush", "broker")
    (event,) = lines(out)
    assert event["event"] == f"cannot reach broker with {HIDDEN}"


@pytest.mark.parametrize(
    "secret",
    [
        "Authorization: Bearer abcdef0123456789",
        "wd_ab12_0123456789abcdef0123456789",
        "https://hooks.slack.com/services/T0/B0/xyz",
        "postgresql://me:pass-word@db/x",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "xoxb-1234567890-abcdefg",
        "https://firms.example/api?key=0123456789abcdef&x=1",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str) -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out)
    get_logger("t").warning("trying " + secret, where={"deep": [secret]}, error=ValueError(secret))
    written = out.getvalue()
    for part in ("abcdef0123456789", "B0/xyz", "pass-word", "MfKQ9r8G", "1234567890-abc"):
        assert part not in written
    assert HIDDEN in written


def test_a_known_secret_is_hidden_in_tracebacks_too() -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out, secrets=["canary-secret-value"])
    try:
        int("canary-secret-value")
    except ValueError:
        get_logger("t").exception("failed")
    assert "canary-secret-value" not in out.getvalue()


def test_the_text_of_a_post_is_shown_at_debug_only() -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out, level="debug")
    get_logger("t").info("tagged", text="what somebody wrote")
    get_logger("t").debug("tagged", text="what somebody wrote")
    quiet, loud = lines(out)
    assert "text" not in quiet
    assert loud["text"] == "what somebody wrote"


def test_one_event_stays_one_line_that_cannot_steer_a_terminal() -> None:
    out = io.StringIO()
    configure_logging(form="text", stream=out)
    get_logger("t").info("source said", detail="\x1b[2J\r\nINFO fake\u202e" + "x" * 1000)
    written = out.getvalue()
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert written.count("\n") == 1
    assert len(written) < MAX_FIELD * 3


def test_levels_below_the_wanted_one_are_not_written() -> None:
    out = io.StringIO()
    configure_logging(form="json", stream=out, level="warning")
    get_logger("t").info("quiet")
    assert out.getvalue() == ""


def test_a_short_word_is_no_secret() -> None:
    assert Scrubber(["a", ""]).scrub("banana") == "banana"
