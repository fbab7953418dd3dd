from __future__ import annotations

import pytest

from app.errors import SettingsError
from app.notify.apprise import AppriseNotifier, as_text
from app.notify.port import Delivered, Digest, Failed, Notice
from tests.outgoing import outgoing, shown
from tests.rows import NOON, message
from tests.simulator.receiver import Answer, receiving

pytest.importorskip("apprise")
# One of its plug-ins imports a module of the standard library that goes in Python 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


async def test_an_alert_goes_out_as_plain_text_once() -> None:
    async with receiving() as receiver:
        notifier = AppriseNotifier(receiver.url.replace("http://", "json://"))
        assert await notifier.send(outgoing()) == Delivered()
        (request,) = receiver.requests
        said = request.json()
        assert said["title"].startswith("LIKELY: Air strike near Jisr al-Shughur")
        assert "Jets over the town" in said["message"]
        assert "First air strike seen here in 22 days" in said["message"]
        assert said["message"].endswith("\n4 of 6 sources live")


async def test_a_refusal_is_one_failed_attempt() -> None:
    async with receiving(Answer(500)) as receiver:
        outcome = await AppriseNotifier(receiver.url.replace("http://", "json://")).send(outgoing())
        assert outcome == Failed(retry=True, reason="Apprise could not deliver it")
        assert len(receiver.requests) == 1


def test_a_url_that_apprise_does_not_know_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="does not know"):
        AppriseNotifier("nothing://canary")


def test_digests_and_notices_have_their_text() -> None:
    head, body = as_text(Digest("d", (message(1), message(2)), NOON))
    assert head == "2 alerts waited"
    assert body.count("Air strike") == 2
    assert as_text(Notice("n", "it works", NOON)) == ("watchdesk", "it works")
    assert "Jets" not in as_text(outgoing(post=shown(text=None)))[1]
