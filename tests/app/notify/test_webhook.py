from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
import trustme

from app.domain.clocks import BUILT
from app.notify.port import Delivered, Digest, Failed, Notice, Outgoing
from app.notify.secrets import new_secret
from app.notify.webhook import SigningSecrets, WebhookNotifier, encode_body, sign
from app.outbound.client import OutboundClient
from app.outbound.targets import OutboundPolicy, policy_of
from tests.outgoing import outgoing as composed
from tests.outgoing import shown
from tests.rows import NOON, message, view
from tests.simulator.receiver import Answer, Fault, receiving

LOOPBACK = policy_of(["127.0.0.1"])
SECRET, OLD = new_secret(), new_secret()
NOW = datetime(2027, 1, 8, 12, tzinfo=UTC)


def outgoing(**change: Any) -> Outgoing:
    return composed(**({"now": NOW} | change))


def notifier(url: str, secrets: SigningSecrets | None = None) -> WebhookNotifier:
    return WebhookNotifier(url, secrets or SigningSecrets(SECRET), OutboundClient(LOOPBACK))


async def test_a_receiver_gets_the_alert_signed_with_the_delivery_as_its_id() -> None:
    async with receiving() as receiver:
        assert await notifier(receiver.url).send(outgoing()) == Delivered()
        (request,) = receiver.requests
        assert request.id == "d1"
        assert request.signed_by(SECRET)
        assert not request.signed_by(OLD)
        body = request.json()
        assert body["type"] == "alert.first"
        assert body["data"]["alert"] == msgspec.json.decode(msgspec.json.encode(outgoing().alert))
        assert body["data"]["incident"]["place"]["name"] == "Jisr al-Shughur"
        assert body["data"]["post"]["text"].startswith("Jets over")
        assert body["data"]["sources"] == {"live": 4, "total": 6}
        assert (body["data"]["test"], body["data"]["demo"]) == (False, False)


async def test_both_secrets_sign_for_24_hours_after_a_rotation() -> None:
    for hours, both in ((0, True), (23.9, True), (24, False)):
        secrets = SigningSecrets(SECRET, OLD, NOW)
        async with receiving() as receiver:
            await notifier(receiver.url, secrets).send(outgoing(now=NOW + timedelta(hours=hours)))
            request = receiver.requests[0]
            assert request.signed_by(SECRET)
            assert request.signed_by(OLD) is both


def test_the_signed_time_is_utc_whatever_zone_it_is_given_in() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert sign("m", elsewhere, b"{}", [SECRET]) == sign("m", NOON, b"{}", [SECRET])


async def test_nothing_is_signed_by_a_clock_that_stands_before_this_build() -> None:
    async with receiving() as receiver:
        for early in (datetime(1970, 1, 1, tzinfo=UTC), BUILT - timedelta(seconds=1)):
            outcome = await notifier(receiver.url).send(outgoing(now=early))
            assert isinstance(outcome, Failed)
            assert (outcome.retry, outcome.ours, outcome.bug, outcome.refused) == (True, True, False, False)
            assert outcome.reason.startswith(f"not signed: the clock says {early:%Y-%m-%d}, before this build was made")
        assert receiver.requests == []
        assert await notifier(receiver.url).send(outgoing(now=BUILT)) == Delivered()


def answer(status: int, **headers: str) -> Answer:
    return Answer(status, b"", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (answer(204), Delivered()),
        (answer(500), Failed(retry=True, reason="HTTP 500")),
        (answer(503, Retry_After="120"), Failed(retry=True, reason="HTTP 503", retry_after=120)),
        (answer(429, Retry_After="1000000000"), Failed(retry=True, reason="HTTP 429", retry_after=3600)),
        (answer(429, Retry_After="abc"), Failed(retry=True, reason="HTTP 429", retry_after=60)),
        (answer(429), Failed(retry=True, reason="HTTP 429", retry_after=60)),
        (answer(404), Failed(retry=True, reason="HTTP 404", refused=True)),
        (answer(410), Failed(retry=False, reason="HTTP 410: gone", disable=True)),
    ],
)
async def test_every_answer_means_one_thing(behaviour: Answer, expected: Any) -> None:
    async with receiving(behaviour) as receiver:
        assert await notifier(receiver.url).send(outgoing()) == expected


async def test_a_redirect_is_a_failure_that_says_what_to_do() -> None:
    async with receiving() as goal, receiving() as receiver:
        receiver.always(answer(302, Location=goal.url))
        outcome = await notifier(receiver.url).send(outgoing())
        assert isinstance(outcome, Failed)
        assert "update the URL" in outcome.reason
        assert goal.requests == []


async def test_a_reply_that_is_lost_or_endless_is_told_apart() -> None:
    async with receiving() as receiver:
        receiver.always(Fault.CUT)
        cut = await notifier(receiver.url).send(outgoing())
        assert isinstance(cut, Failed)
        assert (cut.retry, cut.reason.partition(":")[0]) == (True, "cut")
        receiver.always(Fault.FLOOD)  # it said 200: it has the alert, whatever else it sends
        assert await notifier(receiver.url).send(outgoing()) == Delivered()


async def test_a_receiver_inside_is_refused_without_a_connection() -> None:
    async with receiving() as receiver:
        inside = WebhookNotifier(receiver.url, SigningSecrets(SECRET), OutboundClient(OutboundPolicy(plain=True)))
        outcome = await inside.send(outgoing())
        assert isinstance(outcome, Failed)
        assert outcome.refused
        assert receiver.requests == []


async def test_a_certificate_that_is_not_trusted_is_a_failure_with_its_reason() -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(server)
    async with receiving(tls=server) as receiver:
        outcome = await notifier(receiver.url.replace("http://", "https://")).send(outgoing())
        assert isinstance(outcome, Failed)
        assert outcome.reason.startswith("tls: ")
        assert "certificate" in outcome.reason


def test_a_body_stays_below_20_kb_for_a_great_incident() -> None:
    many = tuple(f"post-{n:020}" for n in range(5000))
    one = outgoing(
        alert=message(1, reasons=("why " * 300,) * 100, origins=many),
        incident=view(1, posts=many, related=many, origins=many, reasons=("because " * 300,) * 100),
        post=shown(text="ق" * 60_000),
    )
    assert len(encode_body(one)) < 20_000
    assert msgspec.json.decode(encode_body(one))["data"]["alert"]["posts"] == 1


def test_an_exercise_says_so_to_machines_too() -> None:
    data = msgspec.json.decode(encode_body(outgoing(exercise=True, demo=True)))["data"]
    assert (data["test"], data["demo"]) == (True, True)


def test_notices_and_digests_have_types_of_their_own() -> None:
    assert msgspec.json.decode(encode_body(Notice("n", "it works", NOON)))["type"] == "system.notice"
    assert msgspec.json.decode(encode_body(Digest("d", (message(1),), NOON)))["data"]["alerts"][0]["id"] == "a1"
