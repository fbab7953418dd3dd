from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.notify.plan import DIGEST_MAX
from app.notify.port import Digest, Notice, Outgoing
from app.notify.slack import rendered
from app.notify.slack_blocks import (
    Look,
    alert_blocks,
    digest_blocks,
    fallback,
    pressed_blocks,
    reply_blocks,
    superseded_blocks,
)
from tests.outgoing import outgoing, shown
from tests.rows import NOON, message, place, view
from tests.simulator.slack import wrong_with


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, one in value.items() if key != "type" for text in texts(one)]
    return [text for one in value for text in texts(one)] if isinstance(value, list) else []


def all_text(blocks: list[dict[str, Any]]) -> str:
    return "\n".join(texts(blocks))


def test_the_message_itself_says_all_that_an_editor_needs() -> None:
    said = all_text(alert_blocks(outgoing(), Look(buttons=True)))
    for wanted in (
        *("LIKELY", "Air strike near Jisr al-Shughur", "Syria", "within 3.0 km", "openstreetmap.org", "35.8146"),
        *("Ward Watch", "الدفاع المدني", "3 posts", "First air strike seen here in 22 days", "2–5 killed", "8 wounded"),
        *(
            "the first report",
            "First post",
            "@ward",
            "posted 12:00:00 UTC, seen 12:00:20 UTC",
            "https://x.example/ward/1",
        ),
        *(
            "Jets over the town",
            "Newest post",
            "قصف جوي على جسر الشغور",
            "4 of 6 sources live",
            "watch",
            "1 related post",
        ),
    ):
        assert wanted in said
    assert [one["text"]["text"] for one in alert_blocks(outgoing(), Look(buttons=True))[-1]["elements"]] == [
        *("Ack", "Confirm", "Dismiss", "Mute 1 h")
    ]


def test_how_many_sources_were_live_when_it_was_decided_stands_once_and_is_no_change() -> None:
    decided = message(1, reasons=("the level rose", "2 of 3 sources live"))
    earlier = message(2, reasons=("the first report", "1 of 3 sources live"))
    sent = outgoing(alert=decided, also=(earlier,), previous=view(1))
    said = all_text(alert_blocks(sent))
    assert re.findall(r"\d of \d sources live", said) == ["2 of 3 sources live"]
    assert said.index("the level rose") < said.index("2 of 3 sources live")
    assert fallback(sent).endswith("\n2 of 3 sources live")
    assert fallback(outgoing()).endswith("\n4 of 6 sources live")


def test_words_that_may_have_to_be_taken_back_stand_in_no_reply() -> None:
    kept = outgoing(cause=shown(id="2", text="keep me"))
    assert "keep me" in all_text(reply_blocks(kept))
    recalled = outgoing(cause=shown(id="2", text="take me back", recalled=True))
    said = all_text(reply_blocks(recalled))
    assert "take me back" not in said
    assert "https://x.example/ward/1" in said
    assert "take me back" in all_text(alert_blocks(recalled))


def test_without_interactivity_there_are_no_dead_buttons() -> None:
    assert all(block["type"] != "actions" for block in alert_blocks(outgoing()))


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({"exercise": True}, "TEST"),
        ({"demo": True}, "DEMO"),
        ({"alert": message(1, step="withdrawn")}, "WITHDRAWN"),
        ({"alert": message(1, step="corrected")}, "CORRECTED"),
        ({"alert": message(1, step="updated"), "previous": view(1)}, "UPDATE"),
    ],
)
def test_what_it_is_not_stands_first(change: dict[str, Any], mark: str) -> None:
    one = outgoing(**change)
    assert re.match(rf"^\W*{mark}\b", alert_blocks(one, Look(buttons=True))[0]["text"]["text"])
    assert fallback(one).startswith(mark)


def test_alerts_that_waited_together_are_news_with_all_their_reasons() -> None:
    carried = message(1, reasons=("the first report", "matched: strikes"))
    one = outgoing(alert=message(2, step="updated", level="likely", reasons=("it is denied",)), also=(carried,))
    blocks = alert_blocks(one)
    assert blocks[0]["text"]["text"] == "🟠 LIKELY"
    said = all_text(blocks)
    for wanted in ("Why this alert", "the first report", "matched: strikes", "it is denied", "carries 1 earlier alert"):
        assert wanted in said


def test_mentions_and_markup_of_a_post_do_nothing() -> None:
    evil = "<!channel> <@U123> <!here|x> <https://evil.example|bank> *bold* `code` &lt;!channel&gt; @channel"
    one = outgoing(
        post=shown(text=evil, author="<!channel>", author_name="<@U1>"),
        alert=message(1, headline=f"Strike {evil}", origins=(evil,), reasons=(evil,), watch=evil),
        incident=view(1, place=place(name=evil), actors=(evil,)),
    )
    blocks = alert_blocks(one, Look(buttons=True))
    for block in blocks:
        if block["type"] == "rich_text":
            assert [part["type"] for part in block["elements"][0]["elements"]] == ["text"]
            continue
        for text in texts(block):
            assert "<!" not in text
            assert "<@" not in text
            assert "<https://evil" not in text
    assert "<!" not in fallback(one)
    assert "<@" not in fallback(one)
    quotes = [block for block in blocks if block["type"] == "rich_text"]
    assert "<!channel> <@U123>" in all_text(quotes)  # shown as it was written, as text


def test_text_that_runs_the_other_way_is_isolated_and_overrides_are_removed() -> None:
    text = "\u202eevil\u202c قصف \u2066x"
    blocks = alert_blocks(outgoing(post=shown(text=text, author_name="\u202eاحمد")))
    said = all_text(blocks)
    assert "\u202e" not in said
    assert "\u2066" not in said
    assert "\u2068evil قصف x\u2069" in said
    assert said.count("\u2068") == said.count("\u2069")


def test_a_post_that_may_not_be_shown_is_still_linked() -> None:
    said = all_text(alert_blocks(outgoing(post=shown(text=None))))
    assert "reference alone" in said
    assert "https://x.example/ward/1" in said
    assert "deleted by its author" in all_text(alert_blocks(outgoing(post=shown(text=None, deleted=True))))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://x.example/" + "a" * 4000, "ftp://x"]
)
def test_a_link_that_is_no_web_address_is_shown_as_words(url: str) -> None:
    said = all_text(alert_blocks(outgoing(post=shown(url=url))))
    assert url[:30] not in said


nasty = st.text(
    alphabet=st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("<>&*_~`|@!\u202e\u2066\n\t\x00")),
    max_size=60,
).flatmap(lambda text: st.integers(1, 200).map(lambda times: text * times))


@settings(max_examples=60, deadline=None)
@given(nasty, nasty, st.lists(nasty, max_size=12), st.sampled_from(["first", "updated", "withdrawn", "corrected"]))
def test_no_input_breaks_a_limit_of_slack(one: str, two: str, many: list[str], step: str) -> None:
    message_of = outgoing(
        alert=message(1, headline=one, origins=tuple(many), reasons=tuple(many), watch=two, step=step, id=one[:40]),
        incident=view(1, place=place(name=two, country=one[:2]), actors=tuple(many), kind=two),
        post=shown(text=one, author=two, author_name=one, url=two),
        cause=shown(id="other", text=two, author=one, author_name=two, url=f"https://x.example/{one}"),
    )
    text, blocks = rendered(message_of, Look(buttons=True))
    assert wrong_with({"text": text, "blocks": blocks}) == ""
    assert wrong_with({"text": "x", "blocks": superseded_blocks(message_of, "https://x.example/")}) == ""


def test_a_full_digest_of_the_longest_headlines_names_every_incident() -> None:
    alerts = tuple(message(n, incident=f"i{n}", headline=f"n{n} " + "<&> " * 200) for n in range(DIGEST_MAX))
    text, blocks = rendered(Digest("d", alerts, NOON))
    assert wrong_with({"text": text, "blocks": blocks}) == ""
    assert {int(n) for n in re.findall(r"n(\d+) ", all_text(blocks))} == set(range(DIGEST_MAX))


def test_what_does_not_fit_into_a_digest_is_counted() -> None:
    alerts = tuple(message(n, incident=f"i{n}", headline="word " * 100) for n in range(400))
    said = all_text(digest_blocks(Digest("d", alerts, NOON)))
    more = re.search(r"and (\d+) more incidents", said)
    assert more is not None
    assert said.count("🟡") + int(more[1]) == 400
    assert "400 alerts waited" in said


def test_a_digest_tells_the_gravest_first() -> None:
    alerts = (message(1), message(2, level="confirmed"), message(3, level="likely"))
    lines = all_text(digest_blocks(Digest("d", alerts, NOON))).splitlines()
    assert [line[0] for line in lines if "Air strike" in line] == ["🔴", "🟠", "🟡"]


def test_a_notice_is_a_line_of_the_system() -> None:
    text, blocks = rendered(Notice("n", "destination 'b' was switched off: <!here>", NOON))
    assert "&lt;!here&gt;" in text
    assert "<!" not in all_text(blocks)


def test_what_an_editor_did_last_stays_in_the_message_when_it_is_edited() -> None:
    blocks = alert_blocks(outgoing(pressed="acknowledged by ada <!here>, 12:05 UTC"), Look(buttons=True))
    assert blocks[-2]["block_id"] == "pressed"
    assert "acknowledged by ada &lt;!here&gt;" in all_text(blocks)


def test_who_pressed_a_button_is_shown_once_above_the_buttons() -> None:
    blocks = alert_blocks(outgoing(), Look(buttons=True))
    once = pressed_blocks(blocks, "acknowledged by <Ada> 12:05 UTC")
    twice = pressed_blocks(once, "confirmed by Ada 12:06 UTC")
    assert [block["type"] for block in twice[-2:]] == ["context", "actions"]
    said = all_text(twice)
    assert "confirmed by Ada" in said
    assert "acknowledged" not in said
    assert "&lt;Ada&gt;" in all_text(once)


def test_times_of_another_day_show_their_date() -> None:
    late: Outgoing = outgoing(now=NOON + timedelta(days=2))
    assert "04 Sep 2018 12:00 UTC" in all_text(alert_blocks(late))
