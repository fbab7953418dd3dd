"""The demo's lines and its last panel, as a person sees them."""

from datetime import timedelta
from io import StringIO

from rich.console import Console

from app.cli.demo_view import Story, alert_line, feed_line, map_link, story_panel
from app.db.feed import Sight
from app.db.incidents import PostInIncident
from app.messages import PlaceTag, Tags
from tests.rows import NOON, message, place, view


def shown(*things: object) -> str:
    printed = StringIO()
    Console(width=140, markup=False, highlight=False, file=printed).print(*things)
    return printed.getvalue()


def sight(text: str = "", tags: Tags | None = None, *, deleted: bool = False) -> Sight:
    return Sight(NOON, "x:1", "1", "x:ward", "ward", "Ward", NOON, text, tags, repost=False, deleted=deleted)


def tagged(claim: str, kind: str = "air_strike") -> Tags:
    town = PlaceTag(
        "JaS", 0, 3, "p:1", "Jisr al-Shughur", "SY", 35.8, 36.3, 3.0, 0.9, "event", "near", "city"
    )  # fmt: skip
    return Tags("en", kind, claim, (town,), ("RuAF",))


def test_a_report_is_shown_with_what_was_read_in_it() -> None:
    line = shown(feed_line(sight("Jets over JaS", tagged("report"))))

    assert (
        line.rstrip() == "12:00 ward              Jets over JaS  [report · air strike · Jisr al-Shughur ±3 km · RuAF]"
    )


def test_what_says_nothing_of_an_event_is_shown_alone() -> None:
    assert shown(feed_line(sight("Okra, fried whole", Tags()))).rstrip().endswith("Okra, fried whole")


def test_a_deletion_is_shown_as_one() -> None:
    assert "deletes the post" in shown(feed_line(sight(deleted=True)))
    assert "(deleted since)" in shown(feed_line(sight("", tagged("none", "none"))))


def test_a_post_cannot_move_the_cursor() -> None:
    assert "\x1b" not in shown(feed_line(sight("a\x1b[2Jb", tagged("report"))))


def test_an_alert_cuts_into_the_feed() -> None:
    assert "ALERT  first Air strike near Jisr al-Shughur (1)" in shown(alert_line(message(1)))


def test_a_map_link_shows_the_area_and_not_a_dot() -> None:
    near = map_link(place(radius_km=2.0))

    assert near.endswith("#map=13/35.8146/36.3213")
    assert "#map=8/" in map_link(place(radius_km=60.0))


def test_the_panel_says_everything_an_editor_checks() -> None:
    posts = [
        PostInIncident("x:1", "1", "report", "x", "ward", "Ward", "x:ward", NOON, NOON + timedelta(seconds=4), None, "Jets", "en", None),
        PostInIncident("x:2", "2", "denial", "x", "mod", "Ministry", "x:mod", None, NOON, None, "We deny it", "en", None),
        PostInIncident("x:3", "3", "past", "x", "clips", None, "x:clips", NOON, NOON, NOON, "", "en", None),
    ]  # fmt: skip
    steps = [
        message(1, reasons=("first in 22 days",)),
        message(2, step="promoted", level="likely", reasons=("two origins",)),
    ]

    panel = shown(story_panel(Story(steps, view(origins=("Ward", "Hill")), posts)))

    for said in (
        "DEMO", "ALERT", "Jisr al-Shughur, SY · ±3 km · sure to 90%", "openstreetmap.org", "2 independent origins: Ward, Hill",
        "12:01:00 first, reported", "12:02:00 promoted, likely", "- first in 22 days", "- two origins",
        "Ward posted 12:00:00, seen 12:00:04", "Denied by", "at an unknown time", "clips", "(deleted)",
    ):  # fmt: skip
        assert said in panel, said
