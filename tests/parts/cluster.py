"""All roles as processes of their own on a broker and a database: started, killed, frozen and replaced one by one."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from tests.parts.desk_home import DeskHome

ROLES: dict[str, tuple[str, ...]] = {
    "tag-a": ("consume", "tag"),
    "tag-b": ("consume", "tag"),
    "desk-a": ("consume", "desk"),
    "desk-b": ("consume", "desk"),
    "notify": ("consume", "notify"),
    "api": ("api",),
}


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Return after how many seconds the condition held; fail where it does not within `seconds`."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < seconds, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - began


class Role:
    """One process of a role; its log is a file beside the home, its addresses stand in it."""

    def __init__(self, home: DeskHome, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._home = home
        self._arguments = arguments
        self.log = home.path / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """Start the process; `more` are variables for this life of it alone."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self._home.command(*self._arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._home.environment(**more),
            )

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, f"{self.name} was not started"
        return self.process

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; return the exit code. Fails where it takes longer than `seconds`."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(timeout=seconds)

    def freeze(self) -> None:
        self.running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.running.send_signal(signal.SIGCONT)

    def addresses(self, word: str) -> str | None:
        """Return the last URL that the log names behind `word` ("API at")."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        found = [line.split(f"{word} ", 1)[1].split()[0] for line in lines if f"{word} http" in line]
        return found[-1].rstrip(":") if found else None

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""


class Cluster:
    """The roles of ROLES on `home`, whose settings name a broker and a database."""

    def __init__(self, home: DeskHome) -> None:
        self.home = home
        self.roles = {name: Role(home, name, arguments) for name, arguments in ROLES.items()}

    def start(self, *names: str) -> None:
        self.home.ok("migrate")
        for name in names or ROLES:
            self.roles[name].start()

    def get(self, path: str, seconds: float = 5.0) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Ask the API; return status, body and headers, whatever the status is."""
        url = self.roles["api"].addresses("API at")
        assert url is not None, self.roles["api"].tail()
        try:
            with urllib.request.urlopen(f"{url}{path}", timeout=seconds) as reply:  # noqa: S310 - our own server on loopback
                return reply.status, json.loads(reply.read()), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    def close(self) -> None:
        for role in self.roles.values():
            if role.process is not None and role.process.poll() is None:
                role.thaw()
                role.process.send_signal(signal.SIGTERM)
        for role in self.roles.values():
            if role.process is None:
                continue
            with suppress(subprocess.TimeoutExpired):
                role.process.wait(timeout=12)
            if role.process.poll() is None:
                role.kill()


@contextmanager
def running_cluster(home: DeskHome, *names: str) -> Iterator[Cluster]:
    cluster = Cluster(home)
    try:
        cluster.start(*names)
        yield cluster
    finally:
        cluster.close()


def alert_keys(alerts: Sequence[dict[str, Any]], incidents: Sequence[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Return the set of (watch, posts of the incident, step) that must be the same however many members decided it."""
    posts = {one["id"]: ",".join(sorted(one["posts"])) for one in incidents}
    return {(alert["watch"], posts[alert["incident"]], alert["step"]) for alert in alerts}
