"""Named crash points: where a test kills the process, at each durable boundary. Nothing is armed outside a test."""

from __future__ import annotations

import os
import signal

_armed: dict[str, int] = {}

POINTS = (
    "spool.before_append",
    "spool.after_append",
    "forward.after_publish",
    "forward.after_delete",
    "tag.after_read",
    "tag.after_publish",
    "tag.after_commit",
    "desk.after_read",
    "desk.in_transaction",
    "desk.before_commit",
    "desk.after_commit",
    "desk.after_stream_commit",
    "notify.after_claim",
    "notify.after_send",
    "notify.after_mark",
    "replay.after_coverage",
)


def arm(spec: str) -> None:
    """Arm points from `name:nth,...`: the process is killed (SIGKILL) at the nth passage. An unknown name raises KeyError."""
    for part in filter(None, spec.split(",")):
        name, _, nth = part.partition(":")
        if name not in POINTS:
            raise KeyError(name)
        _armed[name] = int(nth or 1)


def crash_point(name: str) -> None:
    """Die here if a test armed this point; otherwise cost one dictionary look-up."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
