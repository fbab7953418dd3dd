"""Every alarm that we ship is raised by its own fault, made for real: processes on a broker and a database, and a Prometheus, times at 1/20.

Before a fault nothing fires, and with it nothing but what it must bring.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from app.db.session import WRITER_LOCK
from app.streams.topics import POSTS
from tests.end_to_end.cluster_bench import empty_servers, started_replay
from tests.end_to_end.lines import many
from tests.end_to_end.troubled import PERIOD_S, ROLES, TroubledDesk, outside, overwrite
from tests.parts.desk_home import DeskHome, write_lines
from tests.parts.kafka_admin import produce_raw
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer
from tests.parts.prometheus import RULES
from tests.parts.small_disk import MB, small_disk
from tests.simulator.receiver import Answer

FASTER = 20
LIMIT_S = 150.0  # for what needs a minute on a quiet machine

pytestmark = [
    pytest.mark.soak,
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.prometheus,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here: `make prometheus`"),
]

Made = AbstractContextManager[Callable[[], None] | None]


class Fault(NamedTuple):
    """A fault, and what it raises: `fires` for certain, `may` where it depends on the moment. What `make` yields is called on and on meanwhile."""

    make: Callable[[TroubledDesk], Made]
    fires: frozenset[str]
    may: frozenset[str] = frozenset()
    on_the_disk: bool = False


def alarms(*names: str, at: tuple[str, ...] = ()) -> frozenset[str]:
    """Return the alarms, each at every one of these roles."""
    return frozenset(f"{name} instance={role}" for name in names for role in at) if at else frozenset(names)


@contextmanager
def api_killed(desk: TroubledDesk) -> Iterator[None]:
    desk.role("api").kill()
    try:
        yield
    finally:
        desk.start("api")


@contextmanager
def desk_killed(desk: TroubledDesk) -> Iterator[None]:
    desk.role("desk").kill()
    try:
        yield
    finally:
        desk.start("desk")


@contextmanager
def database_crashed(desk: TroubledDesk) -> Iterator[Callable[[], None]]:
    desk.server.stop("immediate")
    try:
        yield desk.ask_api
    finally:
        desk.server.start()


@contextmanager
def broker_killed(desk: TroubledDesk) -> Iterator[None]:
    desk.broker.kill()
    try:
        yield
    finally:
        desk.broker.start()


@contextmanager
def database_slow(desk: TroubledDesk) -> Iterator[None]:
    """Somebody else's long transactions hold the writers back, and there is much to write."""
    ended = threading.Event()
    name = desk.home.database_url.rpartition("/")[2]
    statement = f"SELECT pg_advisory_xact_lock({WRITER_LOCK}); SELECT pg_sleep(3.5)"

    def hold() -> None:
        while not ended.is_set():
            desk.server.sql(statement, name)

    holding = threading.Thread(target=hold, name="holding the writers back")
    file = write_lines(desk.home.path / "days.jsonl", [*many(2_000, seed=3)])
    with started_replay(desk.home, file):
        holding.start()
        try:
            yield
        finally:
            ended.set()
            holding.join(20)


@contextmanager
def garbage_on_the_topic(desk: TroubledDesk) -> Iterator[None]:
    produce_raw(desk.broker.bootstrap, POSTS.name, [(b"who", b"\x00 no record %d" % number) for number in range(60)])
    yield


@contextmanager
def index_damaged(desk: TroubledDesk) -> Iterator[None]:
    overwrite(desk.index)
    try:
        yield
    finally:
        desk.role("tag").kill()
        desk.index.unlink()
        desk.lay_index()
        desk.start("tag")


@contextmanager
def destinations_broken(desk: TroubledDesk) -> Iterator[None]:
    """One that is down, and one that is gone for good; by the dates of their replies our clock is an hour ahead."""

    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        del headers, body
        theirs = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
        return Answer(410 if path.endswith("gone") else 503, headers={"Date": theirs})

    desk.simulated.hooks.decide = answer
    desk.hand_in("call-1", "Shelling hits a market in Saraqib, several wounded")
    yield


@contextmanager
def config_changed(desk: TroubledDesk) -> Iterator[None]:
    """Another file is applied than the roles have read; it names a feed that nobody serves."""
    desk.write_config('\n[[source]]\nid = "rss:dead"\nurl = "http://127.0.0.1:9/feed.xml"\nallow_internal = true\n')
    yield


@contextmanager
def account_silent(desk: TroubledDesk) -> Iterator[None]:
    desk.simulated.account_posts.clear()
    yield


@contextmanager
def wire_rolls_over(desk: TroubledDesk) -> Iterator[None]:
    """More comes than the feed shows between two looks."""
    desk.simulated.wire_rolls.set()
    yield


@contextmanager
def api_starved(desk: TroubledDesk) -> Iterator[None]:
    """The process gets no CPU for nine tenths of a second, again and again."""
    ended = threading.Event()

    def starve() -> None:
        while not ended.wait(0.9):
            desk.role("api").freeze()
            time.sleep(0.9)
            desk.role("api").thaw()

    starving = threading.Thread(target=starve, name="starving the API")
    starving.start()
    try:
        yield
    finally:
        ended.set()
        starving.join(5)


@contextmanager
def disk_shrunk_and_filled(desk: TroubledDesk) -> Iterator[None]:
    if desk.disk is not None:
        desk.disk.shrink(64)
        desk.disk.fill(leave=2 * MB)
    yield


@contextmanager
def many_troubles(desk: TroubledDesk) -> Iterator[None]:
    """Those that take long to tell, and know nothing of each other, at once."""
    made = (
        account_silent,
        wire_rolls_over,
        config_changed,
        destinations_broken,
        disk_shrunk_and_filled,
    )
    with ExitStack() as stack:
        for make in made:
            stack.enter_context(make(desk))
        yield


EVERYWHERE = tuple(ROLES)
SILENT = {stage: f"WatchdogSilent stage={stage}" for stage in ("tag", "desk", "notify")}
ON_THE_DISK = alarms("DiskLow", "IntakeHeld", at=("alone",))
FAULTS = {
    "api killed": Fault(api_killed, alarms("RoleDown", at=("api",))),
    "api starved": Fault(api_starved, alarms("LoopLagging", at=("api",))),
    "garbage on the topic": Fault(garbage_on_the_topic, alarms("QuarantineHigh")),
    "index damaged": Fault(index_damaged, alarms("StageFailing cause=bug stage=tag")),
    "database crashed": Fault(
        database_crashed,
        alarms("DatabaseDown", at=EVERYWHERE)
        | alarms("StagePaused instance=desk stage=desk", "StagePaused instance=notify stage=notify", "ApiFailing")
        | alarms(SILENT["desk"], SILENT["notify"]),
        may=alarms(
            "DeliveriesWaiting instance=notify type=null", "ItemsStuck"
        ),  # one that just waited; all that came since
    ),
    "broker killed": Fault(
        broker_killed,
        alarms("StreamDown", at=EVERYWHERE)
        | alarms("StagePaused instance=tag stage=tag", "StagePaused instance=desk stage=desk")
        | alarms("SpoolWaiting instance=produce", *SILENT.values()),
        may=alarms(
            "ItemsStuck"
        ),  # the desk gets nothing: told after fifteen minutes, or sooner by a Prometheus that has just begun
    ),
    "database slow": Fault(
        database_slow,
        alarms("StageLagging instance=desk stage=desk", "PostsSlow stage=desk"),
        may=alarms("PostsSlow stage=notify", "DeliveriesWaiting instance=notify type=null")
        | alarms(SILENT["desk"], SILENT["notify"]),
    ),
    "desk killed": Fault(desk_killed, alarms("RoleDown instance=desk", "ItemsStuck", SILENT["desk"], SILENT["notify"])),
    "many troubles": Fault(
        many_troubles,
        alarms("SourceSilent platform=bluesky", "SourceDown platform=feed", "Gap platform=feed")
        | alarms("ConfigDiffers", at=EVERYWHERE)
        | alarms("DestinationDisabled instance=notify type=webhook", "DeliveriesWaiting instance=notify type=webhook")
        | alarms("ClockOff against=receivers instance=notify")
        | ON_THE_DISK,
        may=alarms("PostsSlow stage=desk", "PostsSlow stage=notify"),  # `migrate` holds the writers back for a moment
        on_the_disk=True,
    ),
}


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory,
    gazetteer_file: Path,
    kafka_broker: KafkaBroker,
    postgres_server: PostgresServer,
) -> Iterator[TroubledDesk]:
    folder = tmp_path_factory.mktemp("troubled")

    def make_home(name: str, **settings: str) -> DeskHome:
        return DeskHome(folder / name, gazetteer_file, **settings, WATCHDESK_WATCHDOG_PERIOD=str(PERIOD_S))

    with ExitStack() as stack:
        home = stack.enter_context(empty_servers(make_home, kafka_broker, postgres_server))
        desk = TroubledDesk(home, kafka_broker, postgres_server, stack.enter_context(outside()))
        alone = make_home("alone")
        try:
            disk = stack.enter_context(small_disk(alone.home, 4_000))
        except (PermissionError, FileNotFoundError):
            disk = None
        stack.callback(desk.close)
        desk.lay_index()
        desk.write_config()
        desk.start(*ROLES)
        if disk is not None:
            desk.start_alone(alone, disk)
        yield desk


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_raises_its_alarms_and_no_other(desk: TroubledDesk, name: str) -> None:
    fault = FAULTS[name]
    fires = fault.fires if desk.disk is not None else fault.fires - ON_THE_DISK
    roles = (*ROLES, "alone") if fault.on_the_disk and desk.disk is not None else tuple(ROLES)
    desk.settle()
    with desk.watched(roles, faster=FASTER) as firing:
        assert firing() == set()
        with fault.make(desk) as meanwhile:
            raised = until_raised(fires, firing, meanwhile)
    assert raised - fault.may == fires


def until_raised(
    wanted: frozenset[str], firing: Callable[[], set[str]], meanwhile: Callable[[], None] | None
) -> set[str]:
    """Return what was raised until all that is wanted was, or LIMIT_S had passed."""
    raised: set[str] = set()
    end = time.monotonic() + LIMIT_S
    while not raised >= wanted and time.monotonic() < end:
        if meanwhile is not None:
            meanwhile()
        time.sleep(0.2)
        raised |= firing()
    return raised


def test_every_rule_has_its_fault() -> None:
    rules = {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    assert {f"Watchdesk{alarm.partition(' ')[0]}" for fault in FAULTS.values() for alarm in fault.fires} == rules
