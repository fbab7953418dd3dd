"""How the demo looks on a terminal: the feed as it is read, and at its end the alert in full."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from app.cli.printing import LEVEL_STYLES, visible
from app.db.feed import Sight
from app.db.incidents import PostInIncident
from app.messages import AlertMessage, IncidentView, PlaceView, Tags

AUTHOR = 17  # columns

DEMO = Text(" DEMO ", style="bold black on yellow")

# What may open an incident stands out; everything else is read, tagged and left in grey.
CLAIM_STYLES = {"report": "bold red", "threat": "magenta", "forecast": "magenta", "denial": "cyan", "past": "blue"}


class Story(NamedTuple):
    """An alert's whole story: its steps, oldest first, the incident as it stands, and the posts in it."""

    steps: Sequence[AlertMessage]
    incident: IncidentView
    posts: Sequence[PostInIncident]


def day_line(day: datetime) -> Rule:
    return Rule(Text(f"{day:%A} {day.day} {day:%B %Y}", style="bold"), align="left", style="dim")


def feed_line(sight: Sight) -> Table:
    """Return one line of the feed: when, by whom, what it says, and what was read in it."""
    line = Table.grid(padding=(0, 1))
    line.add_column(style="dim", width=5)
    line.add_column(style="cyan", width=AUTHOR, no_wrap=True, overflow="ellipsis")
    line.add_column()
    line.add_row(f"{sight.seen_at:%H:%M}", visible(sight.author), _said(sight))
    return line


def _said(sight: Sight) -> Text:
    if sight.deleted:
        return Text("deletes the post", style="yellow")
    tags = sight.tags or Tags()
    heard = tags.claim != "none" and tags.kind != "none"
    said = _styled(visible(sight.text or "(deleted since)"), "" if heard else "dim")
    if heard:
        said.append_text(_styled(visible(f"  {_read_in(tags)}"), CLAIM_STYLES.get(tags.claim, "green")))
    return said


def _read_in(tags: Tags) -> str:
    where = next((place for place in tags.places if place.role == "event"), None)
    parts = [tags.claim, tags.kind.replace("_", " ")]
    if where is not None:
        parts.append(f"{where.name} ±{where.radius_km:.0f} km")
    parts.extend(tags.actors)
    return "[" + " · ".join(parts) + "]"


def alert_line(alert: AlertMessage) -> Padding:
    """Return an alert as it cuts into the feed."""
    line = Text("ALERT ", style="bold white on red")
    line.append(f" {alert.step} ", style="bold")
    line.append_text(visible(alert.headline))
    return Padding(line, (0, 0, 0, 6), expand=False)  # below the time


def story_panel(story: Story) -> Panel:
    """Return the alert in full, with everything an editor needs to check it."""
    last = story.steps[-1]
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    facts.add_row("Where", _where(story.incident.place))
    facts.add_row("Level", _level(story.incident))
    facts.add_row("Steps", _steps(story.steps))
    facts.add_row("Why", _listed(dict.fromkeys(reason for step in story.steps for reason in step.reasons)))
    for role, title in (("report", "Reports"), ("aftermath", "Aftermath"), ("denial", "Denied by")):
        posts = [post for post in story.posts if post.role == role]
        if posts:
            facts.add_row(title, _posts(posts))
    others = [post for post in story.posts if post.role not in {"report", "aftermath", "denial"}]
    if others:
        facts.add_row("Related", _posts(others))
    heading = Text.assemble(DEMO, " ", ("ALERT", "bold white on red"), " ", visible(last.watch))
    body = Table.grid()
    body.add_row(Padding(_styled(visible(last.headline), "bold"), (0, 0, 1, 0)))
    body.add_row(facts)
    return Panel(body, title=heading, title_align="left", border_style="red", padding=(1, 2))


def _where(place: PlaceView) -> Text:
    text = visible(f"{place.name}, {place.country} · ±{place.radius_km:.0f} km · sure to {place.confidence:.0%}\n")
    return text.append(map_link(place), style="underline")


def map_link(place: PlaceView) -> str:
    """Return a link to a map of the area; the zoom shows about twice its radius."""
    zoom = 13 if place.radius_km < 3 else 12 if place.radius_km < 8 else 10 if place.radius_km < 25 else 8
    where = f"{place.lat:.4f}/{place.lon:.4f}"
    return f"https://www.openstreetmap.org/?mlat={place.lat:.4f}&mlon={place.lon:.4f}#map={zoom}/{where}"


def _level(incident: IncidentView) -> Text:
    text = Text(incident.level, style=LEVEL_STYLES[incident.level])
    origins = len(incident.origins)
    counted = f" · {len(incident.posts)} posts, {origins} independent origin{'' if origins == 1 else 's'}: "
    return text.append_text(_styled(visible(counted + ", ".join(incident.origins)), "not bold default"))


def _steps(steps: Sequence[AlertMessage]) -> Text:
    return visible("\n".join(f"{step.created_at:%H:%M:%S} {step.step}, {step.level}" for step in steps))


def _listed(sentences: Sequence[str] | dict[str, None]) -> Text:
    return visible("\n".join(f"- {sentence}" for sentence in sentences))


def _posts(posts: Sequence[PostInIncident]) -> Text:
    text = Text()
    for number, post in enumerate(posts):
        posted = f"{post.created_at:%H:%M:%S}" if post.created_at else "at an unknown time"
        text.append("\n" if number else "")
        text.append_text(_styled(visible(post.author_name or post.author), "cyan"))
        text.append(f" posted {posted}, seen {post.seen_at:%H:%M:%S}\n", style="dim")
        text.append_text(visible(f"  {post.text}" if post.text else "  (deleted)"))
    return text


def _styled(text: Text, style: str) -> Text:
    text.stylize(style)
    return text


def print_ending(screen: Console, url: str, *, serving: bool) -> None:
    screen.print(Text.assemble(DEMO, " every account and post here is invented; nothing left this machine."))
    if serving:
        screen.print(Text.assemble("The desk's page: ", (url, "underline"), "   Ctrl-C ends the demo."))
    else:
        screen.print("On a terminal the desk's page is served now; here the demo ends.")
