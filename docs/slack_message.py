"""Writes docs/slack_message.html: what an alert looks like in Slack, from the very blocks that are sent. Run it after a change of them."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.alerts import load_actor_names
from app.messages import AlertMessage, IncidentView, PlaceView
from app.notify.port import Outgoing, PostShown, SourcesLive
from app.notify.slack_blocks import Block, Look, alert_blocks

FILE = Path(__file__).with_name("slack_message.html")
# Drawn, not typed: a reader's machine may have no font for them.
SIGNS: Mapping[str, str] = {"🟡": "#f2c744", "🟠": "#f08a24", "🔴": "#e01e5a", "🔵": "#1d9bd1", "⚫": "#555"}
NAMED = (":hourglass_flowing_sand: ", ":gear: ")
STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1d1c1d; --soft: #616061; --line: #ddd; --link: #1264a3; --green: #007a5a; --red: #e01e5a; --code: #e01e5a; }
@media (prefers-color-scheme: dark) { :root { --page: #1a1d21; --text: #d1d2d3; --soft: #ababad; --line: #44474b; --link: #1d9bd1; --code: #e8912d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.47 Lato, "Segoe UI", "Noto Sans", Arial, sans-serif; }
main { max-width: 680px; margin: 0 auto; padding: 16px; display: grid; grid-template-columns: 36px 1fr; gap: 8px; }
.icon { width: 36px; height: 36px; border-radius: 6px; background: #1264a3; color: #fff; font-weight: 900; display: grid; place-items: center; }
.name { font-weight: 900; } .app { background: var(--line); color: var(--soft); font-size: 10px; padding: 1px 3px; border-radius: 3px; margin: 0 6px; } .at { color: var(--soft); font-size: 12px; }
.header { font-size: 18px; font-weight: 900; line-height: 1.33; margin: 8px 0; }
.section { margin: 8px 0; white-space: pre-line; overflow-wrap: anywhere; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 16px; }
.context { color: var(--soft); font-size: 13px; margin: 8px 0; overflow-wrap: anywhere; }
blockquote { margin: 4px 0 8px; padding: 0 0 0 12px; border-left: 4px solid var(--line); white-space: pre-line; overflow-wrap: anywhere; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0 4px; }
button { font: inherit; font-weight: 700; padding: 3px 12px; border-radius: 4px; border: 1px solid var(--line); background: transparent; color: var(--text); }
button.primary { background: var(--green); border-color: var(--green); color: #fff; } button.danger { background: var(--red); border-color: var(--red); color: #fff; }
a { color: var(--link); text-decoration: none; } code { color: var(--code); font-size: 12px; }
i { display: inline-block; width: .9em; height: .9em; border-radius: 50%; vertical-align: -.08em; }
@media (max-width: 480px) { .fields { grid-template-columns: 1fr; } }
"""


def page(blocks: Sequence[Block], at: datetime) -> str:
    """Return a page that shows the blocks as Slack does; it loads nothing."""
    body = "\n".join(_block(block) for block in blocks)
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
        f"<title>An alert in Slack</title>\n<style>{STYLE}</style>\n<main>\n"
        f'<div class="icon">wd</div>\n<div><span class="name">watchdesk</span><span class="app">APP</span>'
        f'<span class="at">{at:%H:%M}</span>\n{body}\n</div>\n</main>\n</html>\n'
    )


def _block(block: Block) -> str:
    match block["type"]:
        case "header":
            return f'<div class="header">{_signs(html.escape(block["text"]["text"]))}</div>'
        case "section" if "fields" in block:
            fields = "".join(f'<div class="section">{_mrkdwn(one["text"])}</div>' for one in block["fields"])
            return f'<div class="fields">{fields}</div>'
        case "section":
            return f'<div class="section">{_mrkdwn(block["text"]["text"])}</div>'
        case "context":
            return f'<div class="context">{" ".join(_mrkdwn(one["text"]) for one in block["elements"])}</div>'
        case "rich_text":
            return "".join(_rich(part) for part in block["elements"])
        case "actions":
            return f'<div class="actions">{"".join(_button(one) for one in block["elements"])}</div>'
        case other:
            raise ValueError(f"no picture of a {other} block")


def _rich(part: Mapping[str, Any]) -> str:
    text = "".join(html.escape(one["text"]) for one in part["elements"])
    return f'<blockquote dir="auto">{text}</blockquote>'


def _button(one: Mapping[str, Any]) -> str:
    return f'<button class="{one.get("style", "plain")}">{html.escape(one["text"]["text"])}</button>'


def _mrkdwn(text: str) -> str:
    """Return Slack's markup as HTML. `& < >` are escaped in it already; every other angle bracket is a link of ours."""
    found = re.sub(r"<(https?://[^|>]+)\|([^>]*)>", r'<a href="\1">\2</a>', text)
    found = re.sub(r"\*([^*\n]+)\*", r"<strong>\1</strong>", found)
    found = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", found)
    return _signs(found)


def _signs(text: str) -> str:
    for sign, colour in SIGNS.items():
        text = text.replace(sign, f'<i style="background:{colour}"></i>')
    for name in NAMED:
        text = text.replace(name, "")
    return text


def sample() -> Outgoing:
    """Return an invented alert: the second origin of a strike, after 22 quiet days."""
    first = datetime(2018, 9, 4, 10, 2, 31, tzinfo=UTC)
    second = first.replace(minute=9, second=5)
    view = IncidentView(
        id="6d0f3a8e5b1c4297a1e0f4d2c3b5a697",
        kind="air_strike",
        place=PlaceView("gn:168803", "Jisr al-Shughur", "SY", 35.8146, 36.3213, 3.0, 0.92),
        actors=("RuAF",),
        first_at=first,
        last_at=second,
        level="likely",
        state="open",
        posts=("1", "2", "3"),
        origins=("Levant Skywatch", "فوج إنقاذ إدلب"),
        killed=None,
        wounded=(2, 4),
        quiet_days=22,
        related=("7",),
        reasons=(),
    )
    reasons = (
        "the level rose from reported to likely",
        "2 independent origins: Levant Skywatch (C), فوج إنقاذ إدلب (B)",
        'matched: "strikes" (kind), "Jisr al-Shughur" (place, near:"Idlib"~40km)',
        "quiet for 22 days: the last one was on 13 August 2018; coverage of that time 94 %",
    )
    headline = "Air strike near Jisr al-Shughur, Syria by Russian Air Force, first in 22 days (likely, 2 origins)"
    alert = AlertMessage(
        id="b7c1d2e3f4a5968788796a5b4c3d2e1f",
        incident=view.id,
        watch="Idlib strikes",
        step="promoted",
        level="likely",
        headline=headline,
        created_at=second,
        post="2",
        posts=3,
        origins=view.origins,
        quiet_days=22,
        reasons=reasons,
    )
    return Outgoing(
        id="d1",
        alert=alert,
        incident=view,
        now=second,
        post=PostShown(
            "1",
            "levant_skywatch",
            "Levant Skywatch",
            "#RuAF strikes on the edge of Jisr al-Shughur, two jets, several runs. First in weeks. #Idlib",
            first,
            first.replace(second=44),
            "https://x.com/levant_skywatch/status/1036920000000000000",
        ),
        cause=PostShown(
            "2",
            "idlib_rescue",
            "فوج إنقاذ إدلب",
            "غارات جوية روسية تستهدف أطراف مدينة جسر الشغور غربي إدلب، وفرقنا في الطريق",
            second,
            second.replace(second=9),
            "https://x.com/idlib_rescue/status/1036921700000000000",
        ),
        sources=SourcesLive(6, 7),
        previous=view,
    )


def rendered() -> str:
    outgoing = sample()
    return page(alert_blocks(outgoing, Look(buttons=True, actors=load_actor_names())), outgoing.now)


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
