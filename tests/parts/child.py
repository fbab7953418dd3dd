"""A server process that never outlives the process that started it, also when that is killed."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1

# Reads its standard input until the parent is gone, then stops the child (also a frozen one) and removes the folder.
_WATCHDOG = 'read _; kill -"$2" "$1"; kill -CONT "$1"; sleep 1; kill -KILL "$1"; rm -rf "$3"'


class Child:
    """One running server. `death` is the signal that ends it at once when the parent is gone.

    Linux sends it; elsewhere, and where the child is frozen, the watchdog does.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folder: Path,
        log: Path,
        death: signal.Signals = signal.SIGKILL,
        environ: Mapping[str, str] | None = None,
        user: int | None = None,
    ) -> None:
        started: Future[subprocess.Popen[bytes]] = Future()

        def launch() -> None:
            """Start the child and stay: on Linux it gets `death` when the thread that made it ends, whichever thread that was."""
            try:
                with log.open("ab") as output:
                    process = subprocess.Popen(
                        argv,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        env=None if environ is None else {**os.environ, **environ},
                        user=user,
                        group=user,
                        extra_groups=None if user is None else [],
                        preexec_fn=_die_with_parent(death),  # noqa: PLW1509 - prctl is all it does
                        start_new_session=True,  # Ctrl-C in a terminal reaches us first, and we stop it in order
                    )
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                started.set_exception(error)
                return
            started.set_result(process)
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        threading.Thread(target=launch, daemon=True, name=f"launched {argv[0]}").start()
        self._process = started.result()
        self._watchdog = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                _WATCHDOG,
                "watchdog",
                str(self._process.pid),
                death.name.removeprefix("SIG"),
                str(folder),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals, seconds: float = 20.0) -> None:
        """Stop the child with `how`, and with SIGKILL after `seconds`."""
        self._watchdog.kill()  # first: it must never signal a process number that somebody else has got since
        self._watchdog.wait()
        if self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
        if self.alive:
            self._process.send_signal(how)
            if how is not signal.SIGKILL:
                self.thaw()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _die_with_parent(death: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def set_signal() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # it died before we could say so
            os._exit(1)

    return set_signal


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def temporary_folder(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"watchdesk-{name}-"))


def remove_folder(folder: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool], child: Child, seconds: float, log: Path) -> None:
    """Wait for a server to answer; raise with the end of its log when it does not."""
    end = time.monotonic() + seconds
    while not condition():
        if not child.alive or time.monotonic() > end:
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"the server did not come up within {seconds:g} s; its log ends:\n{tail}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
