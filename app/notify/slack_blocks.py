"""An alert -> Slack's Block Kit and the plain text beside it: pure, and within Slack's limits whatever comes in.

Text of others stands in rich-text elements, which Slack shows as they are, or has `& < >` escaped: no mention or markup of theirs works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.messages import AlertMessage
from app.notify import words
from app.notify.port import Digest, Notice, Outgoing, PostShown

Block = dict[str, Any]

HEADER = 150
SECTION = 3_000
FIELD = 2_000
FALLBACK = 4_000
QUOTE = 1_500
DIGEST_ROOM = 11_800  # Slack refuses messages whose blocks hold much more than 13,000 characters
_SIGN = {"reported": "🟡", "likely": "🟠", "confirmed": "🔴"}
_SIGN_OF_STEP = {"withdrawn": "⚫", "corrected": "🔵"}
BUTTONS = (
    ("acknowledge", "Ack", None),
    ("confirm", "Confirm", "primary"),
    ("dismiss", "Dismiss", "danger"),
    ("mute", "Mute 1 h", None),
)


def escape(text: str) -> str:
    """Make text harmless in Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def link(url: str, label: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return (
        f"<{safe}|{escape(label)}>" if url.startswith(("http://", "https://")) and len(url) <= 1_500 else escape(label)
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What a message shows beyond its alert: buttons, where somebody listens to them, and names of actors by id."""

    buttons: bool = False
    actors: Mapping[str, str] = field(default_factory=dict)


PLAIN = Look()


def alert_blocks(outgoing: Outgoing, look: Look = PLAIN) -> list[Block]:
    """Return the message of one alert, 12 blocks at most."""
    alert, view = outgoing.alert, outgoing.incident
    sign = _SIGN_OF_STEP.get(alert.step) or _SIGN.get(alert.level, "⚪")
    blocks = [
        _header(f"{sign} {words.title(outgoing)}"),
        _section(f"*{_bold(words.bare_headline(alert))}*", SECTION),
    ]
    lull = words.lull(view)
    if lull and alert.step != "withdrawn":
        blocks.append(_section(f":hourglass_flowing_sand: *{escape(lull)}*", SECTION))
    blocks.append(_facts(outgoing, look.actors))
    if why := words.why(outgoing):
        heading = "Why this alert" if outgoing.news else "What changed"
        blocks.append(_section(f"*{heading}*\n{_bullets(why, 8)}", SECTION))
    if outgoing.post is not None:
        blocks.extend(_post("First post", outgoing.post, outgoing))
    if outgoing.cause is not None and (outgoing.post is None or outgoing.cause.id != outgoing.post.id):
        blocks.extend(_post("Newest post", outgoing.cause, outgoing))
    blocks.append(_footer(outgoing))
    if outgoing.pressed:
        blocks.append(_pressed(outgoing.pressed))
    if look.buttons and alert.step != "withdrawn":
        blocks.append(_actions(alert.incident))
    return blocks


def fallback(outgoing: Outgoing, *, words_of_posts: bool = True) -> str:
    """Return the alert as plain text: what notifications, screen readers and search see.

    Without `words_of_posts` where the message cannot be found again, or will not be: Slack keeps this text beside the blocks.
    """
    alert, post = outgoing.alert, outgoing.post if words_of_posts else None
    lines = [
        f"{words.title(outgoing)}: {words.bare_headline(alert)}",
        f"Where: {words.where(outgoing.incident.place)}",
        f"Origins: {words.origins(alert.origins, alert.posts)}",
    ]
    if lull := words.lull(outgoing.incident):
        lines.append(lull)
    lines.extend(f"- {words.plain(reason, 200)}" for reason in words.why(outgoing)[:6])
    if post is not None:
        lines.append(f"First post: {words.author(post)}, {_times(post, outgoing)} {post.url or ''}".rstrip())
        lines.append(words.isolated(post.text, 500) if post.text is not None else _no_text(post))
    if listening := words.listening(outgoing):
        lines.append(listening)
    return words.clip(escape("\n".join(lines)), FALLBACK)


def superseded_blocks(outgoing: Outgoing, permalink: str | None) -> list[Block]:
    """Return what an older message of an incident is turned into when a newer one stands below it."""
    newer = link(permalink, "newer message below") if permalink else "newer message below"
    line = f"{words.title(outgoing)}: {words.bare_headline(outgoing.alert)}"
    return [_context([f"↓ {newer} — {_cut(escape(line), 1_500)}"])]


def reply_blocks(outgoing: Outgoing) -> list[Block]:
    """Return what goes into the thread: what changed, and the post that caused it. No reply can be found again to be edited."""
    alert = outgoing.alert
    blocks = [
        _section(
            f"*{words.title(outgoing)}* {words.moment(alert.created_at, outgoing.now)}\n{_bullets(words.why(outgoing), 6)}",
            SECTION,
        )
    ]
    post = outgoing.cause or outgoing.post
    if post is not None and post.recalled and not post.deleted:
        return [
            *blocks,
            _context([_cut(f"{_by('Post', post, outgoing)} · its words stand in the message itself alone", 1_900)]),
        ]
    return [*blocks, *_post("Post", post, outgoing)] if post is not None else blocks


def digest_blocks(digest: Digest) -> list[Block]:
    """Return a backlog in one message: a line for each incident, the newest alert of it, and how many there were."""
    lines = [_digest_line(alerts) for alerts in by_incident(digest.alerts)]
    head = f"{'DEMO · ' if digest.demo else ''}{len(digest.alerts)} alerts waited while this channel was away"
    sections: list[list[str]] = [[]]
    room = DIGEST_ROOM
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            sections.append([f"and {len(lines) - number} more incidents: see the desk's page"])
            break
        if sum(len(one) + 1 for one in sections[-1]) + len(line) > SECTION:
            sections.append([])
        sections[-1].append(line)
    return [_header(head), *(_section("\n".join(section), SECTION) for section in sections if section)]


def digest_fallback(digest: Digest) -> str:
    groups = by_incident(digest.alerts)
    lines = [f"{len(digest.alerts)} alerts on {len(groups)} incidents waited while this channel was away"]
    lines.extend(f"- {alerts[-1].headline}" for alerts in groups)
    return words.clip(escape("\n".join(lines)), FALLBACK)


def by_incident(alerts: Sequence[AlertMessage]) -> list[list[AlertMessage]]:
    """Return the alerts by incident, each group oldest first, the gravest and newest group in front."""
    groups: dict[str, list[AlertMessage]] = {}
    for alert in alerts:
        groups.setdefault(alert.incident, []).append(alert)
    rank = {"reported": 1, "likely": 2, "confirmed": 3}
    return sorted(groups.values(), key=lambda group: (rank.get(group[-1].level, 0), group[-1].created_at), reverse=True)


def notice_blocks(notice: Notice) -> list[Block]:
    mark = "DEMO · " if notice.demo else ""
    return [_section(f":gear: {mark}*watchdesk* {_cut(escape(words.plain(notice.text, 2_000)), 2_900)}", SECTION)]


def pressed_blocks(blocks: Sequence[Block], line: str) -> list[Block]:
    """Return a message's blocks with a line that says who did what, in place of the one that said so before."""
    kept = [block for block in blocks if block.get("block_id") != "pressed"]
    at = next((n for n, block in enumerate(kept) if block.get("type") == "actions"), len(kept))
    return [*kept[:at], _pressed(line), *kept[at:]]


def _pressed(line: str) -> Block:
    return _context([_cut(escape(words.plain(line, 500)), 1_900)]) | {"block_id": "pressed"}


def _facts(outgoing: Outgoing, actors: Mapping[str, str]) -> Block:
    alert, view = outgoing.alert, outgoing.incident
    place = view.place
    fields = [
        f"*Where*\n{escape(words.where(place))}\n{link(words.map_link(place), 'map')} · {words.how_sure(place)}",
        f"*Origins*\n{escape(words.origins(alert.origins, alert.posts))}",
        f"*When*\nfirst {words.moment(view.first_at, outgoing.now)}\nlast {words.moment(view.last_at, outgoing.now)}",
    ]
    named = [words.isolated(actors.get(actor, actor), 60) for actor in view.actors if actor != "unknown"]
    fields.append(f"*Who*\n{escape(', '.join(named[:6])) if named else 'not said'}")
    if counted := words.toll(view):
        fields.append(f"*Toll as reported*\n{escape(counted)}")
    if view.related:
        fields.append(
            f"*Denials, threats and other*\n{len(view.related)} related post{'' if len(view.related) == 1 else 's'}"
        )
    return {"type": "section", "fields": [_mrkdwn(_cut(field, FIELD)) for field in fields]}


def _post(heading: str, post: PostShown, outgoing: Outgoing) -> list[Block]:
    text = words.plain(post.text, QUOTE) if post.text is not None else _no_text(post)
    quote = {
        "type": "rich_text_quote",
        "elements": [{"type": "text", "text": f"{words.FIRST_STRONG}{text or '(no words)'}{words.POP}"}],
    }
    return [_context([_cut(_by(heading, post, outgoing), 1_900)]), {"type": "rich_text", "elements": [quote]}]


def _by(heading: str, post: PostShown, outgoing: Outgoing) -> str:
    by = f"*{heading}* {escape(words.author(post))} · {_times(post, outgoing)}"
    return f"{by} · {link(post.url, 'open the post')}" if post.url else by


def _times(post: PostShown, outgoing: Outgoing) -> str:
    posted, seen = (words.moment(at, outgoing.now) for at in (post.posted_at, post.seen_at))
    return f"posted {posted}, seen {seen}"


def _no_text(post: PostShown) -> str:
    return (
        "(deleted by its author)" if post.deleted else "(text not shown: the source's rights allow the reference alone)"
    )


def _footer(outgoing: Outgoing) -> Block:
    alert = outgoing.alert
    parts = [
        f"watch *{escape(words.isolated(alert.watch, 100))}*",
        f"alert {words.moment(alert.created_at, outgoing.now)}",
    ]
    if listening := words.listening(outgoing):
        parts.append(listening)
    if outgoing.also:
        parts.append(f"carries {len(outgoing.also)} earlier alert{'' if len(outgoing.also) == 1 else 's'}")
    parts.append(f"`{alert.id[:12]}`")
    return _context([_cut(" · ".join(parts), 1_900)])


def _actions(incident: str) -> Block:
    buttons = []
    for action, label, style in BUTTONS:
        button: Block = {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": label},
            "value": incident[:2_000],
        }
        if style is not None:
            button["style"] = style
        buttons.append(button)
    return {"type": "actions", "block_id": "desk", "elements": buttons}


def _digest_line(alerts: Sequence[AlertMessage]) -> str:
    last = alerts[-1]
    sign = _SIGN_OF_STEP.get(last.step) or _SIGN.get(last.level, "⚪")
    more = f" ({len(alerts)} alerts)" if len(alerts) > 1 else ""
    return f"{sign} {last.created_at:%H:%M} {_cut(escape(words.plain(last.headline, 150)), 170)}{more}"


def _bullets(reasons: Sequence[str], most: int) -> str:
    lines = [f"• {_cut(escape(_unmarked(words.plain(reason, 300))), 420)}" for reason in reasons[:most]]
    if len(reasons) > most:
        lines.append(f"• and {len(reasons) - most} more")
    return "\n".join(lines)


def _unmarked(text: str) -> str:
    """Replace the characters that are markup in Slack's own texts: reasons cite words of posts."""
    return text.translate({ord("*"): "∗", ord("_"): "_\u2060", ord("~"): "∼", ord("`"): "ˋ", ord("\n"): " "})


def _bold(text: str) -> str:
    return _cut(escape(_unmarked(words.plain(text, 600))), 900)


def _cut(text: str, limit: int) -> str:
    """Cut escaped text without leaving half an entity."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    amp = cut.rfind("&", len(cut) - 5)
    return (cut[:amp] if amp >= 0 and ";" not in cut[amp:] else cut) + "…"


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": words.clip(text, HEADER), "emoji": True}}


def _section(text: str, limit: int) -> Block:
    return {"type": "section", "text": _mrkdwn(_cut(text, limit))}


def _context(lines: Sequence[str]) -> Block:
    return {"type": "context", "elements": [_mrkdwn(line) for line in lines]}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
