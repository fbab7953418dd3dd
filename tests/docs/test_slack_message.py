"""The picture of an alert in Slack is drawn from the blocks that are sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.slack_message import FILE, rendered, sample
from tests.parts.chromium import open_page, program


def test_the_picture_is_that_of_the_blocks_that_are_sent() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), "run `python docs/slack_message.py`"


def test_the_picture_says_what_the_alert_says() -> None:
    words = re.sub(r"<[^>]+>", " ", rendered())
    for wanted in (
        sample().alert.watch,
        "LIKELY",
        "22 days",
        "within 3.0 km",
        "Russian Air Force",
        "open the post",
        "Dismiss",
    ):
        assert wanted in words


@pytest.mark.chromium
@pytest.mark.skipif(program() is None, reason="there is no Chromium on this machine")
async def test_the_picture_loads_nothing_and_fits_a_telephone(tmp_path: Path) -> None:
    async with open_page(tmp_path) as page:
        await page.size(390, 844)
        await page.open(FILE.as_uri())
        assert page.errors == []
        assert page.requested == [FILE.as_uri()]
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.evaluate("[...document.querySelectorAll('button')].length") == 4
        # The Arabic post stands right: its line begins at the right edge.
        assert await page.evaluate("getComputedStyle(document.querySelectorAll('blockquote')[1]).direction") == "rtl"
