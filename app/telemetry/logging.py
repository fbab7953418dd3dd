"""Logs: one JSON line an event, or a readable line on a terminal; secrets scrubbed, no text of a post above debug.

Called by entry points only. Library loggers (uvicorn, aiokafka ...) go through the same chain.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

Format = Literal["auto", "json", "text"]

MAX_FIELD = 200  # code points of any one field: what people wrote may be long, and a log line is no place for it
HIDDEN = "[hidden]"
POST_TEXT = frozenset({"text", "post_text", "line", "body"})  # fields that may hold what people wrote

# What looks like a secret wherever it stands: keys of ours, bearer tokens, webhook addresses, passwords in URLs.
_SECRET_SHAPES = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{8,}"
    r"|\bwd_[0-9a-z]+_[\w-]{16,}"
    r"|\bwhsec_[\w+/=-]{8,}"
    r"|\bxox[a-z]-[\w-]{8,}"
    r"|hooks\.slack\.com/[^\s\"']+"
    r"|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)"
    r"|(?<=[?&])(?:key|token|secret|sig|password|api_key)=[^&\s\"']+"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Scrubber:
    """Replaces every known secret, and everything that looks like one, in every field."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # A short value would hide half of every line: settings refuse secrets that short.
        known = sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, logger: Any, method: str, event: EventDict) -> EventDict:
        del logger, method
        for key, value in event.items():
            event[key] = self.scrub(value)
        return event

    def scrub(self, value: Any) -> Any:
        """Return `value` with every secret in it hidden; containers are walked, other objects are shown as text."""
        if isinstance(value, str):
            known = self._known.sub(HIDDEN, value) if self._known else value
            return _SECRET_SHAPES.sub(HIDDEN, known)
        if isinstance(value, Mapping):
            return {key: self.scrub(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.scrub(one) for one in value]
        return value if value is None or isinstance(value, bool | int | float) else self.scrub(str(value))


def drop_post_text(logger: Any, method: str, event: EventDict) -> EventDict:
    """Leave out what people wrote, unless somebody asked for debug: a deletion must not survive in a log."""
    del logger
    if method != "debug":
        for key in POST_TEXT & event.keys():
            del event[key]
    return event


def shorten(logger: Any, method: str, event: EventDict) -> EventDict:
    """Bound every field and escape control characters, so that one event is one line that cannot steer a terminal."""
    del logger, method
    for key, value in event.items():
        if isinstance(value, str) and key not in {"exception", "timestamp"}:
            cut = value if len(value) <= MAX_FIELD else value[:MAX_FIELD] + "…"
            event[key] = _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), cut)
    return event


def configure_logging(
    *, level: str = "info", form: Format = "auto", secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send all logs of the process to `stream` (stderr), in the given form; "auto": readable on a terminal, JSON elsewhere."""
    out = stream or sys.stderr
    readable = form == "text" or (form == "auto" and out.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        drop_post_text,
        Scrubber(secrets),
        shorten,
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty())
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At a stop a session is cancelled in mid-statement; the pool drops its connection and calls that an error, with a traceback.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(max(root.level, logging.WARNING))  # it tells of each context that it opens
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module. Events are short lower-case phrases; everything that varies is a field."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def trace(ingest: object) -> dict[str, Any]:
    """Return the fields that tie an event to the item it is about, from receipt to alert: the ingest id is the trace id.

    None, where an editor and no item is the cause, ties it to nothing.
    """
    return {} if ingest is None else {"trace_id": str(ingest)}
