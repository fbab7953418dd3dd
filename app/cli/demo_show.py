"""The demo: the recording through the real pipeline, its feed on the terminal as it is stored, then the alert in full."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from app.cli.demo_view import Story, alert_line, day_line, feed_line, print_ending, story_panel
from app.cli.printing import building, console
from app.cli.process import open_process, prepare_database, replay_files, serve_api, stage_work, until_stopped
from app.clock import SystemClock
from app.db import alerts, feed, incidents
from app.db.session import Database
from app.errors import DamagedError
from app.gazetteer_file import default_gazetteer, default_path
from app.home import LOCK_NAME, hold_home
from app.resources import Resources
from app.settings import Settings
from producers.replay import ReplayOptions

RECORDED_SPEED = 20_000.0  # recorded seconds per second: the pauses of a quiet month are then cut by `DemoClock`
BRISK_S, CALM_S = 0.06, 0.4  # the longest pause between two posts: before the last day, and on it
LAST_DAY = timedelta(hours=12)  # of the recording
POLL_S = 0.05
PAPER = 110  # columns where the output is no terminal
PAGE = 200
BEGINNING = datetime.min.replace(tzinfo=UTC)


class DemoClock(SystemClock):
    """The machine's time, but no wait is longer than `longest`: a month of posts passes by in half a minute."""

    def __init__(self) -> None:
        self.longest = BRISK_S

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, self.longest))


class Feed:
    """What the demo has shown so far: goes on where it was, whatever is in the database by then."""

    def __init__(self, database: Database, screen: Console) -> None:
        self._database = database
        self._screen = screen
        self._seen_at = BEGINNING
        self._alert = 0

    async def show_new(self) -> datetime:
        """Print what was stored since the last call, each alert after the post that caused it; return the time that was reached."""
        async with self._database.read() as session:
            sights = await feed.seen_after(session, self._seen_at, limit=PAGE)
            raised = await alerts.after(session, self._alert, limit=PAGE)
        for sight in sights:
            if sight.seen_at.date() != self._seen_at.date():
                self._screen.print(day_line(sight.seen_at))
            self._screen.print(feed_line(sight))
            self._seen_at = sight.seen_at
            while raised and raised[0].message.created_at <= sight.seen_at:
                alert = raised.pop(0)
                self._screen.print(alert_line(alert.message))
                self._alert = alert.seq
        return self._seen_at if sights else BEGINNING


async def show_demo(settings: Settings, recording: Path, *, paced: bool, serve: bool) -> None:
    """Show the demo, at a pace that can be read where that is wanted; then serve the page until Ctrl-C, or end."""
    empty_home(settings.home)
    gazetteer = settings.gazetteer or prepare_gazetteer(settings.home.parent)
    settings = replace(settings, port=free_port(settings.host, settings.port), gazetteer=gazetteer)
    screen = console(PAPER)
    clock = DemoClock() if paced else SystemClock()
    owns_home = settings.stream.kafka is None
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # it calls a broker that is still choosing a coordinator an error
    async with open_process(settings, command="demo", role="run", owns_home=owns_home, clock=clock) as resources:
        await prepare_database(resources)
        await _play(resources, recording, screen, clock)
        screen.print()
        screen.print(story_panel(await last_story(resources.database)))
        print_ending(screen, f"http://{settings.host}:{settings.port}/", serving=serve)
        if serve:
            await until_stopped([*stage_work(resources), serve_api(resources)])


def prepare_gazetteer(home: Path) -> Path:
    """Return the place index of the home, built first where there is none yet: that takes a while, once, and says so."""
    with building("the place index") as progress:
        default_gazetteer(home, progress)
    return default_path(home)


def free_port(host: str, wanted: int) -> int:
    """Return the port that is wanted, or a free one where somebody else has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted


async def _play(resources: Resources, recording: Path, screen: Console, clock: SystemClock) -> None:
    shown = Feed(resources.database, screen)
    options = ReplayOptions(speed=RECORDED_SPEED if isinstance(clock, DemoClock) else None)
    ends_at = last_time(recording)
    replaying = asyncio.create_task(replay_files(resources, [recording], options, stages=True))
    try:
        while not replaying.done():
            reached = await shown.show_new()
            if isinstance(clock, DemoClock) and ends_at - reached <= LAST_DAY:
                clock.longest = CALM_S
            await asyncio.wait([replaying], timeout=POLL_S)
        await replaying
    finally:
        replaying.cancel()
    while await shown.show_new() != BEGINNING:
        pass


async def last_story(database: Database) -> Story:
    """Return the whole story of the incident that was alerted first; the recording holds one."""
    async with database.read() as session:
        raised = await alerts.newest(session, limit=PAGE)
        if not raised:
            raise DamagedError("the demo's recording raised no alert")
        steps = [one.message for one in raised if one.message.incident == raised[0].message.incident]
        incident = await incidents.by_id(session, steps[0].incident)
        posts = await incidents.posts_of(session, steps[0].incident)
    if incident is None:
        raise DamagedError("the demo's alert has no incident")
    return Story(steps, incident.view, posts)


def empty_home(home: Path) -> None:
    """Remove what an earlier demo left; raises HomeHeldError while one is still running."""
    with hold_home(home, command="demo", since=datetime.now(UTC)):
        for left in home.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != LOCK_NAME:
                left.unlink()


def last_time(recording: Path) -> datetime:
    """Return when the recording ends."""
    *_, last = recording.read_text(encoding="utf-8").splitlines()
    return datetime.fromisoformat(json.loads(last)["created_at"])
