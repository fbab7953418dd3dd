"""The demo's posts through the whole pipeline into a Slack channel: one message, which holds what an editor needs."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.clock import SystemClock
from tests.parts.desk_home import DeskHome
from tests.simulator.slack import slack_workspace

DEMO = Path(__file__).parents[2] / "app" / "cli" / "demo_data"
SLACK = """
[outbound]
allow_networks = ["127.0.0.1/32"]

[[destination]]
name = "slack"
type = "slack"
token_env = "SLACK_TOKEN"
channel = "C1"
base_url = "{base_url}"
"""


async def test_the_strike_after_22_quiet_days_is_one_message_with_its_origins_and_posts(home: DeskHome) -> None:
    async with slack_workspace(SystemClock()) as slack:
        config = (DEMO / "watchdesk.toml").read_text(encoding="utf-8") + SLACK.format(base_url=slack.base_url)
        home.config.write_text(config, encoding="utf-8")
        home.env["SLACK_TOKEN"] = slack.token
        await asyncio.to_thread(home.ok, "replay", "--deliver", DEMO / "idlib.jsonl")
        raised = await asyncio.to_thread(home.objects, "alerts", "--json")
        sender = home.start("consume", "notify")
        try:
            await slack.receiver.until(lambda: bool(slack.top), 60)
        finally:
            sender.terminate()
            await asyncio.to_thread(sender.communicate)
    assert len(raised) > 1
    strike = [shown for shown in slack.top if "First air strike seen here in 22 days" in shown.text]
    assert len(strike) == 1
    for wanted in ("LIKELY", "Russian Air Force", "Syria", "First post", "posted 04 Sep 2018"):
        assert wanted in strike[0].text
    assert not any("Moscow" in shown.text for shown in slack.top)
    rows = await asyncio.to_thread(home.objects, "destination", "deliveries", "slack", "--json")
    assert len(rows) == len(raised)
    assert {row["state"] for row in rows} <= {"delivered", "digested"}
