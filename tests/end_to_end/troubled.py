"""A whole desk as an operator runs it: every role a process on a broker and a database, what is outside of it simulated, and a Prometheus.

Its roles keep their ops ports over a restart, as they do in a container that is started again.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from app.clock import SystemClock
from app.notify.secrets import new_secret
from tests.parts.child import free_port
from tests.parts.cluster import Cluster, Role, wait_for
from tests.parts.desk_home import DeskHome
from tests.parts.kafka_broker import KafkaBroker
from tests.parts.postgres import PostgresServer
from tests.parts.prometheus import PrometheusServer
from tests.parts.small_disk import SmallDisk
from tests.simulator.fake_feed import FakeFeed, fake_feed
from tests.simulator.fake_jetstream import FakeJetstream, fake_jetstream
from tests.simulator.receiver import Receiver, receiving

ROLES: dict[str, tuple[str, ...]] = {
    "produce": ("produce",),
    "tag": ("consume", "tag"),
    "desk": ("consume", "desk"),
    "notify": ("consume", "notify"),
    "api": ("api",),
}
STAGES = ("tag", "desk", "notify")
PERIOD_S = 1.0  # of the watchdog: 20 s are enough to tell one slow post in twenty from all of them
POST_EVERY_S = 0.5
DID = "did:plc:ridge"
CONFIG = """
[outbound]
allow_networks = ["127.0.0.1/32"]

[bluesky]
hosts = ["{host}"]

[[source]]
id = "bluesky:{did}"
quiet_after_h = 0.0005

[[source]]
id = "rss:wire"
url = "{feed}"
allow_internal = true
every_s = 30

[[watch]]
name = "Saraqib"
rule = 'near:"Saraqib"~25km'
destinations = ["waits", "gone"]

[[destination]]
name = "waits"
type = "webhook"
url = "{hooks}/waits"
secret_env = "HOOK_SECRET"

[[destination]]
name = "gone"
type = "webhook"
url = "{hooks}/gone"
secret_env = "HOOK_SECRET"
"""


class Simulated(NamedTuple):
    """The simulators; they live in a thread of their own, so only simple attributes are set from outside."""

    account: FakeJetstream
    wire: FakeFeed
    hooks: Receiver
    account_posts: threading.Event
    wire_rolls: threading.Event


@contextmanager
def outside() -> Iterator[Simulated]:
    """An account that posts twice a second, a news wire, and a receiver of webhooks that takes everything."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulators", daemon=True)
    thread.start()
    stack = AsyncExitStack()

    async def begin() -> Simulated:
        clock = SystemClock()
        account = await stack.enter_async_context(fake_jetstream(clock))
        wire = await stack.enter_async_context(fake_feed(clock))
        hooks = await stack.enter_async_context(receiving())
        made = Simulated(account, wire, hooks, threading.Event(), threading.Event())
        made.account_posts.set()
        wire.window = 2
        wire.publish("The harbour is open again")
        talking = asyncio.create_task(_talk(made))
        stack.push_async_callback(_end, talking)
        return made

    try:
        yield asyncio.run_coroutine_threadsafe(begin(), loop).result(20)
    finally:
        asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _talk(made: Simulated) -> None:
    number = 0
    while True:
        number += 1
        if made.account_posts.is_set():
            made.account.publish(DID, f"Fresh bread prices in the market, number {number}", f"3k{number}")
        if made.wire_rolls.is_set():
            made.wire.publish(f"Ship number {number} has left the harbour")
        await asyncio.sleep(POST_EVERY_S)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


class TroubledDesk:
    """What a fault can be made of. `alone` is a second desk, in one process on a disk of its own, None where disks cannot be mounted."""

    def __init__(self, home: DeskHome, broker: KafkaBroker, server: PostgresServer, simulated: Simulated) -> None:
        home.env["HOOK_SECRET"] = new_secret()
        self.home = home
        self.broker = broker
        self.server = server
        self.simulated = simulated
        self.disk: SmallDisk | None = None
        self.index = home.path / "index-of-tag.wdg"
        self._ports = {name: free_port() for name in (*ROLES, "alone")}
        self._cluster = Cluster(home)
        self._cluster.roles = {name: Role(home, name, arguments) for name, arguments in ROLES.items()}

    def write_config(self, more: str = "") -> None:
        """Write watchdesk.toml and apply it; the roles that run have read what stood there before."""
        simulated = self.simulated
        hooks = f"http://127.0.0.1:{simulated.hooks.port}"
        written = CONFIG.format(host=simulated.account.host, did=DID, feed=simulated.wire.url, hooks=hooks)
        self.home.config.write_text(written + more, encoding="utf-8")
        self.home.ok("migrate")

    def start(self, *names: str) -> None:
        for name in names:
            more = {"WATCHDESK_GAZETTEER": str(self.index)} if name == "tag" else {}
            self.role(name).start(WATCHDESK_OPS_PORT=str(self._ports[name]), **more)

    def start_alone(self, home: DeskHome, disk: SmallDisk) -> None:
        self.disk = disk
        self._cluster.roles["alone"] = Role(home, "alone", ("run",))
        self.start("alone")

    def role(self, name: str) -> Role:
        return self._cluster.roles[name]

    def lay_index(self) -> None:
        """Give the tagger a place index of its own."""
        shutil.copyfile(self.home.env["WATCHDESK_GAZETTEER"], self.index)

    def ask_api(self) -> None:
        """Ask for alerts, whatever the answer is."""
        with suppress(OSError):
            self._cluster.get("/v1/alerts")

    def hand_in(self, given_id: str, text: str) -> None:
        """Hand a post in through the API."""
        body = json.dumps({"id": given_id, "author": "desk", "text": text}).encode()
        url = f"{self.role('api').addresses('API at')}/v1/posts"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - ours, on loopback
        with urllib.request.urlopen(request, timeout=20) as reply:  # noqa: S310  # noqa: S310
            assert reply.status == 202

    def settle(self) -> None:
        """Return when every role answers and exercises pass all stages at once: what waited was handled."""
        wait_for(self._flows, 90, f"a desk at rest; its tagger says:\n{self.role('tag').tail()}")

    def _flows(self) -> bool:
        try:
            texts = {name: self._scraped(name) for name in self._cluster.roles}
        except OSError:
            return False
        now = SystemClock().now().timestamp()
        passed = [value(texts[stage], "watchdesk_watchdog_timestamp_seconds", stage) for stage in STAGES]
        waits = [value(texts[stage], "watchdesk_stage_lag_records", stage) for stage in STAGES[:2]]
        return all(now - one < PERIOD_S + 0.8 for one in passed) and not any(waits)

    def _scraped(self, name: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[name]}/metrics", timeout=5) as reply:
            return str(reply.read().decode())

    @contextmanager
    def watched(self, names: Sequence[str], *, faster: float) -> Iterator[Callable[[], set[str]]]:
        """Start a Prometheus on these roles; yields a function that tells which alarms fire now, see `told`."""
        names_by_port = {f"127.0.0.1:{self._ports[name]}": name for name in names}
        server = PrometheusServer(list(names_by_port), faster=faster)
        try:
            server.start()
            wait_for(lambda: len(server.query("up == 1")) == len(names), 30, "a scrape of each role")
            yield lambda: {told(labels, names_by_port) for labels in server.all_firing()}
        finally:
            server.close()

    def close(self) -> None:
        self._cluster.close()


def told(labels: dict[str, str], roles: dict[str, str]) -> str:
    """Return an alarm as `Name label=value ...`, without what its rule adds, its instance by the name of the role."""
    name = labels["alertname"].removeprefix("Watchdesk")
    shown = {
        key: roles.get(value, value) for key, value in labels.items() if key not in {"alertname", "severity", "job"}
    }
    return " ".join([name, *(f"{key}={shown[key]}" for key in sorted(shown))])


def value(text: str, metric: str, stage: str) -> float:
    found = re.search(rf'^{metric}{{stage="{stage}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def overwrite(path: Path) -> None:
    """Fill a file with bytes that mean nothing, in place: whoever has it open reads them."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        for start in range(0, size, 1 << 20):
            file.write(b"\xff" * min(1 << 20, size - start))
