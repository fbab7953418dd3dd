from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.clock import ScaledClock
from app.notify.port import Delivered, Digest, Failed, Notice
from app.notify.slack import SlackBotNotifier, SlackWebhookNotifier
from app.notify.slack_blocks import Look
from app.outbound.client import OutboundClient
from app.outbound.targets import policy_of
from tests.outgoing import outgoing
from tests.rows import NOON, message, view
from tests.simulator.receiver import Answer, Fault
from tests.simulator.slack import Slack, slack_workspace

CLIENT = OutboundClient(policy_of(["127.0.0.1"]))


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with slack_workspace(ScaledClock(20)) as workspace:
        yield workspace


def bot(slack: Slack, **change: Any) -> SlackBotNotifier:
    given: dict[str, Any] = {
        "token": slack.token,
        "channel": "C1",
        "client": CLIENT,
        "clock": slack.clock,
        "base_url": slack.base_url,
    }
    return SlackBotNotifier(**(given | change))


def hook(slack: Slack) -> SlackWebhookNotifier:
    return SlackWebhookNotifier(slack.hook_url, CLIENT, slack.clock)


def step(name: str, live: str | None, **change: Any) -> Any:
    return outgoing(id=f"d-{name}", alert=message(2, step=name, level="likely"), live=live, **change)


async def test_the_bot_posts_and_tells_where_its_message_is(slack: Slack) -> None:
    outcome = await bot(slack, look=Look(buttons=True)).send(outgoing())
    (shown,) = slack.top
    assert outcome == Delivered(f"C1:{shown.ts}")
    assert shown.metadata["event_payload"]["delivery_id"] == "d1"
    assert shown.blocks[-1]["type"] == "actions"
    assert shown.text.startswith("LIKELY")


async def test_a_quiet_update_edits_the_live_message_and_adds_to_its_thread(slack: Slack) -> None:
    slack_bot = bot(slack)
    first = await slack_bot.send(outgoing())
    assert isinstance(first, Delivered)
    outcome = await slack_bot.send(
        step("updated", first.reference, previous=view(1, killed=(2, 5)), incident=view(1, killed=(2, 6)))
    )
    assert outcome == first
    (live,) = slack.top
    assert live.edits == 1
    (reply,) = [shown for shown in slack.messages.values() if shown.thread_ts == live.ts]
    assert "UPDATE" in reply.text
    assert "Jets over the town" not in reply.text  # it cannot be edited when its author takes the post back


@pytest.mark.parametrize("name", ["promoted", "corrected", "withdrawn"])
async def test_what_must_be_heard_is_posted_anew_and_the_old_message_points_to_it(slack: Slack, name: str) -> None:
    slack_bot = bot(slack)
    first = await slack_bot.send(outgoing())
    assert isinstance(first, Delivered)
    outcome = await slack_bot.send(step(name, first.reference))
    old, new = slack.top
    assert outcome == Delivered(f"C1:{new.ts}")
    assert old.edits == 1
    assert "newer message below" in old.blocks[0]["elements"][0]["text"]
    assert "Jets over the town" not in old.text
    assert f"/archives/C1/p{new.ts.replace('.', '')}" in old.blocks[0]["elements"][0]["text"]


async def test_a_toll_that_doubles_is_heard(slack: Slack) -> None:
    slack_bot = bot(slack)
    first = await slack_bot.send(outgoing())
    assert isinstance(first, Delivered)
    jump = step("updated", first.reference, previous=view(1, killed=(2, 5)), incident=view(1, killed=(2, 10)))
    await slack_bot.send(jump)
    assert len(slack.top) == 2


async def test_a_live_message_that_somebody_deleted_is_posted_again(slack: Slack) -> None:
    outcome = await bot(slack).send(
        step("updated", "C1:999.9", previous=view(1, killed=(2, 5)), incident=view(1, killed=(2, 5)))
    )
    assert outcome == Delivered(f"C1:{slack.top[0].ts}")


@pytest.mark.parametrize("error", ["invalid_blocks", "msg_blocks_too_long"])
async def test_blocks_that_slack_does_not_take_go_out_once_as_plain_text(slack: Slack, error: str) -> None:
    slack.fail_next = [error]
    assert isinstance(await bot(slack).send(outgoing()), Delivered)
    assert slack.top[0].blocks == []
    slack.fail_next = [error, error]
    assert await bot(slack).send(outgoing()) == Failed(retry=False, reason=error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("internal_error", Failed(retry=True, reason="internal_error")),
        ("not_in_channel", Failed(retry=True, reason="not_in_channel", refused=True)),
        ("is_archived", Failed(retry=False, reason="is_archived", disable=True)),
        ("token_revoked", Failed(retry=False, reason="token_revoked", disable=True)),
        ("ratelimited", Failed(retry=True, reason="429: rate limited", retry_after=60)),
    ],
)
async def test_each_error_of_the_api_is_temporary_refused_or_for_good(
    slack: Slack, error: str, expected: Failed
) -> None:
    slack.fail_next = [error]
    assert await bot(slack).send(outgoing()) == expected


async def test_a_wrong_token_is_a_refusal_and_shows_no_token(slack: Slack) -> None:
    outcome = await bot(slack, token="xoxb-wrong-canary").send(outgoing())
    assert outcome == Failed(retry=True, reason="invalid_auth", refused=True)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("no_service", Failed(retry=False, reason="no_service", disable=True)),
        ("channel_is_archived", Failed(retry=False, reason="channel_is_archived", disable=True)),
        ("action_prohibited", Failed(retry=True, reason="action_prohibited", refused=True)),
    ],
)
async def test_each_error_of_a_hook_is_temporary_refused_or_for_good(
    slack: Slack, error: str, expected: Failed
) -> None:
    slack.fail_next = [error]
    assert await hook(slack).send(outgoing()) == expected


async def test_a_hook_that_does_not_take_blocks_gets_plain_text_once(slack: Slack) -> None:
    slack.fail_next = ["invalid_payload"]
    assert await hook(slack).send(outgoing()) == Delivered()
    assert (slack.top[0].blocks, slack.top[0].text.startswith("LIKELY")) == ([], True)


async def test_a_limit_is_passed_on_and_a_cut_reply_is_tried_again_later(slack: Slack) -> None:
    slack.receiver.always(Answer(429, b"", {"Retry-After": "30"}))
    limited = Failed(retry=True, reason="429: rate limited", retry_after=30)
    assert await hook(slack).send(outgoing()) == limited
    assert await bot(slack).send(outgoing()) == limited
    for behaviour, reason in (
        (Fault.CUT, "cut"),
        (Answer(503, b"<html>"), "HTTP 503"),
        (Answer(200, b"<html>"), "no JSON"),
    ):
        slack.receiver.always(behaviour)
        outcome = await bot(slack).send(outgoing())
        assert isinstance(outcome, Failed)
        assert outcome.retry
        assert reason in outcome.reason


async def test_calls_are_a_second_apart_so_that_slack_never_limits_us(slack: Slack) -> None:
    slack.burst, slack.pace_s = 2, 0.9  # what arrives is not spaced as exactly as what is sent
    slack_bot = bot(slack)
    begun = slack.clock.monotonic()
    for number in range(6):
        assert isinstance(await slack_bot.send(outgoing(id=f"d{number}")), Delivered)
    assert slack.limited == 0
    assert slack.clock.monotonic() - begun >= 5


async def test_digests_and_notices_are_messages_too(slack: Slack) -> None:
    slack_bot = bot(slack)
    assert isinstance(await slack_bot.send(Digest("g", (message(1), message(2)), NOON)), Delivered)
    assert isinstance(await slack_bot.send(Notice("n", "it works", NOON + timedelta(1))), Delivered)
    assert "2 alerts" in slack.top[0].text
    assert slack.top[1].text == "it works"
