"""An alert as the sender would have put it together, for the tests of notifiers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.notify.port import Outgoing, PostShown, SourcesLive
from tests.rows import NOON, message, view


def shown(**change: Any) -> PostShown:
    given: dict[str, Any] = {
        "id": "1",
        "author": "ward",
        "author_name": "Ward Watch",
        "text": "Jets over the town, heavy strikes on the western side #Idlib",
        "posted_at": NOON,
        "seen_at": NOON + timedelta(seconds=20),
        "url": "https://x.example/ward/1",
    }
    return PostShown(**(given | change))


def outgoing(**change: Any) -> Outgoing:
    given: dict[str, Any] = {
        "id": "d1",
        "alert": message(1, level="likely", posts=3, origins=("Ward Watch", "الدفاع المدني")),
        "incident": view(1, level="likely", killed=(2, 5), wounded=(8, 8), related=("9",)),
        "now": NOON + timedelta(minutes=2),
        "post": shown(),
        "cause": shown(id="2", author="second", author_name=None, text="قصف جوي على جسر الشغور", url=None),
        "sources": SourcesLive(4, 6),
    }
    return Outgoing(**(given | change))
