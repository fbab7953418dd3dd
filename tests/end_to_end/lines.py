"""Invented post lines for whole-path tests: a short story, and days of noise and strikes as long as wanted."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2018, 9, 4, 6, 0, tzinfo=UTC)

TOWNS = ("Jisr al-Shughur", "Saraqib", "Ariha", "Khan Shaykhun", "Maarat al-Numan", "Kafr Nabl", "Muhambal")
REPORTS = (
    "Russian air strikes on {town} in Idlib, smoke seen over the eastern side {n}",
    "Breaking: #RuAF warplanes bombed the outskirts of {town}, Idlib countryside {n}",
    "Regime artillery shelling {town}, {k} killed and several wounded, Idlib {n}",
    "غارات روسية على {town} في ريف إدلب {n}",
)
NOISE = (
    "What a strike! The striker scores from thirty metres, number {n}",
    "Fresh bread prices in the market today {n}",
    "The president warned against any attack on Idlib {n}",
    "Analysts say strikes on Idlib could come within days {n}",
    "Old video from 2016 is being shared again, not from today {n}",
)


def line(number: int | str, text: str, minute: float = 0, author: str = "observer", **more: Any) -> dict[str, Any]:
    """Return a post line of platform x, `minute` minutes after START."""
    at = START + timedelta(minutes=minute)
    return {
        "id": str(number),
        "platform": "x",
        "author": author,
        "created_at": at.isoformat().replace("+00:00", "Z"),
        "text": text,
        **more,
    }


def many(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return `count` lines over some days: reports, noise, reposts, edits, deletions and repeats, the same for the same seed."""
    chance = random.Random(seed)
    lines: list[dict[str, Any]] = []
    minute = 0.0
    for number in range(count):
        minute += chance.choice((0.5, 2, 7, 30, 90))
        author = f"desk_{chance.randint(1, 12)}"
        roll = chance.random()
        if lines and roll < 0.05:
            earlier = chance.choice(lines)
            text = chance.choice(REPORTS).format(town=chance.choice(TOWNS), n=number, k=chance.randint(1, 9))
            lines.append(line(earlier["id"], text, minute, earlier["author"], type="edit"))
        elif lines and roll < 0.09:
            earlier = chance.choice(lines)
            lines.append(line(earlier["id"], "", minute, earlier["author"], type="delete"))
        elif lines and roll < 0.13:
            lines.append(chance.choice(lines))
        elif lines and roll < 0.18:
            earlier = chance.choice(lines)
            lines.append(line(number, earlier["text"], minute, author, repost_of=earlier["id"]))
        else:
            template = chance.choice(REPORTS if roll < 0.6 else NOISE)
            text = template.format(town=chance.choice(TOWNS), n=number, k=chance.randint(1, 9))
            lines.append(line(number, text, minute, author))
    return lines
