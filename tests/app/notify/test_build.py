from __future__ import annotations

from typing import Any

import pytest

from app.clock import SystemClock
from app.errors import SettingsError
from app.notify.build import Builder, DestinationSpec, NullNotifier
from app.notify.port import Delivered
from app.notify.secrets import SecretBox, new_secret
from app.notify.slack import SlackBotNotifier, SlackWebhookNotifier
from app.notify.stream import StreamNotifier
from app.notify.webhook import WebhookNotifier
from app.streams.memory import MemoryStream
from tests.outgoing import outgoing
from tests.rows import NOON

KEY = "a key of at least thirty-two characters"
SECRET = new_secret()
VARIABLES = {"URL": "https://hooks.example/canary", "TOKEN": "xoxb-canary", "SECRET": SECRET, "WEAK": "whsec_eA=="}


def builder(*, key: str | None = KEY, stream: bool = True) -> Builder:
    return Builder(
        secret_of=VARIABLES.get,
        box=SecretBox(key),
        outbound={},
        clock=SystemClock(),
        stream=MemoryStream(SystemClock()) if stream else None,
    )


def spec(kind: str, secret: str | None = None, **options: Any) -> DestinationSpec:
    return DestinationSpec("d", kind, options, secret)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (spec("slack", url_env="URL"), SlackWebhookNotifier),
        (spec("slack", token_env="TOKEN", channel="C1"), SlackBotNotifier),
        (spec("webhook", url_env="URL", secret_env="SECRET"), WebhookNotifier),
        (spec("webhook", SecretBox(KEY).seal(SECRET), url="https://hooks.example/"), WebhookNotifier),
        (spec("stream"), StreamNotifier),
        (spec("null"), NullNotifier),
    ],
)
def test_each_type_has_its_notifier(given: DestinationSpec, made: type) -> None:
    assert isinstance(builder().build(given), made)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (spec("slack"), "url is missing"),
        (spec("slack", url_env="NOT_SET"), "the variable NOT_SET is not set"),
        (spec("slack", token_env="TOKEN"), "needs channel"),
        (spec("slack", token_env="TOKEN", channel="C1", base_url="https://evil.example/api"), "allow-list"),
        (spec("slack", token_env="TOKEN", channel="C1", base_url="http://127.0.0.1:1/api"), "allow-list"),
        (spec("webhook", url_env="URL"), "destination rotate d"),
        (spec("webhook", url_env="URL", secret_env="WEAK"), "24 to 64 bytes"),
        (spec("webhook", "not sealed by us", url_env="URL"), "not the one"),
        (spec("pager"), "no type 'pager'"),
        (spec("apprise", url_env="NOT_SET"), "NOT_SET is not set"),
    ],
)
def test_what_is_missing_is_said_in_a_line_without_a_secret(given: DestinationSpec, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        builder().build(given)
    assert "canary" not in caught.value.detail


def test_without_a_stream_there_is_no_topic_and_without_a_key_no_sealed_secret() -> None:
    with pytest.raises(SettingsError):
        builder(stream=False).build(spec("stream"))
    with pytest.raises(SettingsError, match="WATCHDESK_SECRET_KEY is not set"):
        builder(key=None).build(spec("webhook", SecretBox(KEY).seal(SECRET), url_env="URL"))


def test_the_secret_before_it_signs_along() -> None:
    box, old = SecretBox(KEY), new_secret()
    given = DestinationSpec("d", "webhook", {}, box.seal(SECRET), box.seal(old), NOON)
    assert builder().signing(given).in_force(NOON) == (SECRET, old)


async def test_the_null_destination_takes_everything() -> None:
    assert await NullNotifier().send(outgoing()) == Delivered()
