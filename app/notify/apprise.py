"""Everything that Apprise knows how to reach (Teams, Discord, Mattermost, e-mail, ntfy ...), as plain text, one attempt a call.

Apprise makes its own connections: its URL comes from the operator's environment and never from the API.
"""

from __future__ import annotations

import asyncio

from app.errors import SettingsError
from app.notify.port import Delivered, Digest, Failed, Message, Notice, Outcome, Outgoing
from app.notify.slack_blocks import by_incident
from app.notify.words import author, bare_headline, isolated, listening, lull, moment, origins, plain, title, where, why


class AppriseNotifier:
    """One Apprise URL."""

    concurrency = 1
    gathers = True

    def __init__(self, url: str) -> None:
        try:
            import apprise  # noqa: PLC0415 - an extra: loaded where a destination asks for it
        except ImportError as error:
            raise SettingsError("this destination needs the extra: pip install 'watchdesk[apprise]'") from error
        self._text = apprise.NotifyFormat.TEXT
        self._apprise = apprise.Apprise()
        if not self._apprise.add(url):
            raise SettingsError("Apprise does not know this kind of URL")

    async def send(self, message: Message) -> Outcome:
        head, body = as_text(message)
        try:
            done = await asyncio.to_thread(self._apprise.notify, body=body, title=head, body_format=self._text)
        except (OSError, TypeError, ValueError) as error:
            return Failed(retry=True, reason=f"Apprise: {type(error).__name__}")
        return Delivered() if done else Failed(retry=True, reason="Apprise could not deliver it")


def as_text(message: Message) -> tuple[str, str]:
    """Return a message's title and its body as plain text."""
    match message:
        case Outgoing():
            return f"{title(message)}: {bare_headline(message.alert)}", _alert(message)
        case Digest():
            groups = by_incident(message.alerts)
            lines = [f"{group[-1].created_at:%H:%M} {plain(group[-1].headline, 250)}" for group in groups]
            return f"{len(message.alerts)} alerts waited", "\n".join(lines)
        case Notice():
            return "watchdesk", plain(message.text, 2_000)


def _alert(message: Outgoing) -> str:
    alert, view = message.alert, message.incident
    lines = [where(view.place), f"Origins: {origins(alert.origins, alert.posts)}"]
    if first := lull(view):
        lines.append(first)
    lines.extend(f"- {plain(reason, 300)}" for reason in why(message)[:6])
    if message.post is not None:
        post = message.post
        lines.append(f"{author(post)}, posted {moment(post.posted_at, message.now)} {post.url or ''}".rstrip())
        if post.text is not None:
            lines.append(isolated(post.text, 1_000))
    if said := listening(message):
        lines.append(said)
    return "\n".join(lines)
