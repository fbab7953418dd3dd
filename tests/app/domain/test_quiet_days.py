"""The quiet days that a post tells of itself."""

from __future__ import annotations

import pytest

from app.domain.lexicon import load_lexicon
from app.domain.quiet_days import find_quiet_days
from app.domain.reading import Reading
from app.domain.text import read_text

LEXICON = load_lexicon()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("First Russian strikes in 22 days near the town", 22),
        ("strikes for the first time in three weeks", 21),
        ("first time in more than two months", 60),
        ("First case of bombing in a week", 7),
        ("After 22 days of calm jets are back", 22),
        ("jets end a 10-day lull", 10),
        ("the first raid since 5 days", 5),
        ("لأول مرة منذ 22 يوما غارات على الريف", 22),
        ("للمرة الأولى منذ أسبوعين", 14),
        ("الأولى منذ شهرين", 60),
        ("بعد هدوء دام ثلاثة أسابيع", 21),
        ("لأول مرة منذ شهر", 30),
        ("вперше за 22 дні", 22),
        ("впервые за три недели", 21),
        ("First strikes in weeks", None),
        ("First strike kills 22 in two days of fighting", None),
        ("22 days of bombing", None),
        ("the first house, 5 days of rain", None),
        ("a strike", None),
    ],
)
def test_quiet_days_are_read(text: str, days: int | None) -> None:
    read = read_text(text)

    assert find_quiet_days(Reading(read, LEXICON, LEXICON.find(read))) == days
